"""Faults of the detectors' environment: network, publisher, artifact, clock, input."""

import signal
import time
from collections.abc import Callable
from random import Random

from tests.chaos.proxy import NORMAL, NetworkConditions
from tests.chaos.system import Fault, System

CLOCK_SECONDS = (-7200, -60, 60, 7200)


def cut(system: System, random: Random) -> Fault:
    """Reset all of the detectors' connections, one to three times."""
    for _ in range(random.randint(0, 2)):
        system.network.cut()
        yield from system.pause(random.uniform(0.05, 1.0))
    system.network.cut()
    return time.time()


def degrade_network(
    make: Callable[[Random], NetworkConditions],
    seconds: tuple[float, float],
    system: System,
    random: Random,
) -> Fault:
    """Apply network conditions to the detectors' connections for a while."""
    system.network.apply(make(random))
    yield from system.pause(random.uniform(*seconds))
    system.network.apply(NORMAL)
    return time.time()


def kill_publisher(system: System, random: Random) -> Fault:
    """Kill the publisher, which resumes where it was."""
    while not system.publisher.steady:
        yield
    system.publisher.send(signal.SIGKILL)
    return time.time()


def remove_artifact(system: System, random: Random) -> Fault:
    """Remove the artifact and kill a detector, which cannot restart until the artifact is back."""
    victim = yield from system.running_detector(random)
    away = system.artifact.with_suffix(".away")
    system.artifact.rename(away)
    while not victim.send(signal.SIGKILL):
        victim = yield from system.running_detector(random)
    yield from system.pause(random.uniform(2.0, 5.0))
    away.rename(system.artifact)
    return time.time()


def step_clock(system: System, random: Random) -> Fault:
    """Step the detectors' wall clock forward or back, and correct it after a while."""
    system.clock.write_text(str(random.choice(CLOCK_SECONDS)))
    since = time.time()
    yield from system.pause(random.uniform(2.0, 5.0))
    system.clock.write_text("0")
    return since


def poison(system: System, random: Random) -> Fault:
    """Make the publisher send a burst of poison records."""
    while not system.publisher.steady:
        yield
    system.publisher.send(signal.SIGUSR1)
    return time.time()
