"""Faults of the detectors: killed, terminated, frozen, added, removed."""

import signal
import time
from itertools import count
from random import Random

from consumer.commit.sink import CommitStep
from tests.chaos.processes import SupervisedProcess
from tests.chaos.self_signal import SelfSignal
from tests.chaos.system import Fault, System

# Long enough to become a zombie: the group removes the member after session.timeout.ms (6 s), and
# the others take over with their next heartbeat (1.5 s).
FROZEN_SECONDS = (8.0, 14.0)
# Within a commit it must resume before Kafka aborts its transaction (10 s after the beginning):
# otherwise the abort would fence it, and not the group's generation.
FROZEN_IN_COMMIT_SECONDS = 8.8
VISITS = 12  # at most; at 30 alerts per second and two detectors, about a second of commits
# A broker that is lost in the same round lets nobody commit for up to half a minute.
SELF_SIGNAL_SECONDS = 60.0
NUMBERS = count(1)


def kill(system: System, random: Random) -> Fault:
    """Kill a detector at a random time."""
    yield from system.pause(random.uniform(0.0, 0.5))
    victim = yield from system.running_detector(random)
    return time.time() if victim.send(signal.SIGKILL) else None


def kill_at(step: CommitStep, system: System, random: Random, *, within: float = 0.0) -> Fault:
    """Kill a detector at a step of a commit, or up to `within` seconds after it."""
    victim = yield from system.running_detector(random)
    delay = random.uniform(0.0, within)
    request = SelfSignal(next(NUMBERS), signal.SIGKILL, step, random.randint(1, VISITS), delay)
    return (yield from _request(system, victim, request))


def terminate(system: System, random: Random) -> Fault:
    """Terminate a detector (SIGTERM), which is restarted, as in a rolling restart."""
    victim = yield from system.running_detector(random)
    return time.time() if victim.send(signal.SIGTERM) else None


def freeze(system: System, random: Random) -> Fault:
    """Stop a detector for longer than the session timeout, while another can take over."""
    victim = yield from system.replaceable_detector(random)
    since = time.time()
    if not victim.send(signal.SIGSTOP):
        return None
    yield from system.pause(random.uniform(*FROZEN_SECONDS))
    victim.send(signal.SIGCONT)
    return since


def freeze_in_commit(system: System, random: Random) -> Fault:
    """Stop a detector at a step of a commit for longer than the session timeout."""
    victim = yield from system.replaceable_detector(random)
    step = random.choice(
        (CommitStep.BEGIN, CommitStep.PRODUCE, CommitStep.OFFSETS, CommitStep.COMMIT)
    )
    request = SelfSignal(next(NUMBERS), signal.SIGSTOP, step, random.randint(1, VISITS))
    since = yield from _request(system, victim, request)
    if since is None:
        return None
    yield from system.pause(FROZEN_IN_COMMIT_SECONDS)
    victim.send(signal.SIGCONT)
    return since


def add(system: System, random: Random) -> Fault:
    """Start another detector."""
    yield
    return time.time() if system.add_detector() else None


def remove(system: System, random: Random) -> Fault:
    """Terminate a detector without restarting it."""
    yield
    removed = system.remove_detector()
    if removed is None:
        return None
    removed.send(signal.SIGTERM)
    return time.time()


def _request(system: System, victim: SupervisedProcess, requested: SelfSignal) -> Fault:
    """Request a self-signal, and wait until the detector or its successor has sent it."""
    signals = victim.self_signals
    signals.request(requested)
    deadline = time.monotonic() + SELF_SIGNAL_SECONDS
    while not signals.sent(requested.number):
        overdue = time.monotonic() > deadline or system.stopped() or not victim.wanted
        if overdue and signals.withdraw(requested.number):
            return None
        yield
    return time.time()
