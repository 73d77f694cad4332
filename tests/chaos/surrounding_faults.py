"""Faults of what the detectors live on: broker, network, publisher, artifact, clock, input."""

import signal
import time
from collections.abc import Callable
from random import Random

from tests.chaos.proxy import FAIR, Weather
from tests.chaos.world import Fault, World, in_background

OUTAGE_SECONDS = (5.0, 5.0, 5.0, 5.0, 5.0, 10.0, 20.0, 60.0)
CLOCK_SECONDS = (-7200, -60, 60, 7200)


def stop_broker(longest: float, world: World, random: Random) -> Fault:
    """Stop the broker orderly, and start it again after 5 s or more."""
    seconds = min(longest, random.choice(OUTAGE_SECONDS))
    yield from in_background(world.broker.shut_down)
    yield from world.pause(seconds)
    yield from in_background(world.broker.restart)
    return time.time()


def kill_broker(world: World, random: Random) -> Fault:
    """Kill the broker, and start it again."""
    yield from in_background(world.broker.kill)
    yield from world.pause(random.uniform(0.0, 3.0))
    yield from in_background(world.broker.restart)
    return time.time()


def cut(world: World, random: Random) -> Fault:
    """Reset all connections of the detectors, up to three times."""
    for _ in range(random.randint(0, 2)):
        world.proxy.cut()
        yield from world.pause(random.uniform(0.05, 1.0))
    world.proxy.cut()
    return time.time()


def weather(
    make: Callable[[Random], Weather], seconds: tuple[float, float], world: World, random: Random
) -> Fault:
    """Let something befall the detectors' connections, for a while."""
    world.proxy.become(make(random))
    yield from world.pause(random.uniform(*seconds))
    world.proxy.become(FAIR)
    return time.time()


def kill_publisher(world: World, random: Random) -> Fault:
    """Kill the publisher, which goes on where it was."""
    while not world.publisher.steady:
        yield
    world.publisher.send(signal.SIGKILL)
    return time.time()


def take_artifact(world: World, random: Random) -> Fault:
    """Take the artifact away and kill a detector: it cannot start until the artifact is back."""
    victim = yield from world.someone(random)
    away = world.artifact.with_suffix(".away")
    world.artifact.rename(away)
    while not victim.send(signal.SIGKILL):
        victim = yield from world.someone(random)
    yield from world.pause(random.uniform(2.0, 5.0))
    away.rename(world.artifact)
    return time.time()


def step_clock(world: World, random: Random) -> Fault:
    """Set the detectors' wall clock forward or back, and right again after a while."""
    world.clock.write_text(str(random.choice(CLOCK_SECONDS)))
    since = time.time()
    yield from world.pause(random.uniform(2.0, 5.0))
    world.clock.write_text("0")
    return since


def poison(world: World, random: Random) -> Fault:
    """Have the publisher publish a burst of payloads that nobody can read."""
    while not world.publisher.steady:
        yield
    world.publisher.send(signal.SIGUSR1)
    return time.time()
