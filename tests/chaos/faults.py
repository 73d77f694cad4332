"""Every kind of fault, and how it is inflicted.

A fault is a generator that is stepped while everything else goes on. It ends when it is healed, and
returns the moment from which recovery counts: the blow itself where the rest has to go on without
what was hit, the end of the outage where nothing could go on.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial

from consumer.commit.sink import CommitStep
from tests.chaos import detector_faults as detectors
from tests.chaos import surrounding_faults as surroundings
from tests.chaos.proxy import Weather
from tests.chaos.world import Inflict

# A commit takes 4 to 7 ms here, most of it after its last step was reached.
WITHIN_COMMIT_SECONDS = 0.008


class Kind(StrEnum):
    """What can be done to the stream."""

    KILL = "detector kill -9, at a random moment"
    KILL_BEGIN = "detector kill -9, before a commit begins"
    KILL_PRODUCE = "detector kill -9, before the commit's records"
    KILL_OFFSETS = "detector kill -9, before the commit's offsets"
    KILL_COMMIT = "detector kill -9, before the commit's end"
    KILL_WITHIN = "detector kill -9, while the commit ends"
    KILL_DONE = "detector kill -9, just after a commit"
    TERMINATE = "detector SIGTERM"
    FREEZE = "detector SIGSTOP for 8 to 14 s"
    FREEZE_COMMIT = "detector SIGSTOP within a commit, for 9 s"
    JOIN = "detector joins"
    LEAVE = "detector leaves"
    BROKER_STOP = "broker stopped and started"
    BROKER_KILL = "broker kill -9 and started"
    CUT = "connections cut"
    REFUSE = "connections cut and refused"
    STALL = "connections stalled"
    SLOW = "connections slowed"
    PUBLISHER_KILL = "publisher kill -9"
    ARTIFACT = "artifact gone, detector kill -9"
    CLOCK = "clock stepped"
    POISON = "burst of poison"


def inflictions(longest_outage: float, steps: Sequence[CommitStep]) -> dict[Kind, Inflict]:
    """Return how each kind is inflicted.

    Args:
        longest_outage: seconds that the broker is stopped for, at most.
        steps: those that the delivery under test has.
    """
    at_steps = {
        Kind.KILL_BEGIN: CommitStep.BEGIN,
        Kind.KILL_PRODUCE: CommitStep.PRODUCE,
        Kind.KILL_OFFSETS: CommitStep.OFFSETS,
        Kind.KILL_COMMIT: CommitStep.COMMIT,
        Kind.KILL_DONE: CommitStep.DONE,
    }
    last = CommitStep.COMMIT if CommitStep.COMMIT in steps else CommitStep.OFFSETS
    return {
        Kind.KILL: detectors.kill,
        **{
            kind: partial(detectors.kill_at, step)
            for kind, step in at_steps.items()
            if step in steps
        },
        Kind.KILL_WITHIN: partial(detectors.kill_at, last, within=WITHIN_COMMIT_SECONDS),
        Kind.TERMINATE: detectors.terminate,
        Kind.FREEZE: detectors.freeze,
        Kind.FREEZE_COMMIT: detectors.freeze_in_commit,
        Kind.JOIN: detectors.join,
        Kind.LEAVE: detectors.leave,
        Kind.BROKER_STOP: partial(surroundings.stop_broker, longest_outage),
        Kind.BROKER_KILL: surroundings.kill_broker,
        Kind.CUT: surroundings.cut,
        Kind.REFUSE: partial(surroundings.weather, lambda _: Weather(accepting=False), (1.0, 6.0)),
        Kind.STALL: partial(surroundings.weather, lambda _: Weather(flowing=False), (3.0, 12.0)),
        Kind.SLOW: partial(
            surroundings.weather,
            lambda random: Weather(latency=random.uniform(0.05, 0.3), bytes_per_second=100_000),
            (3.0, 8.0),
        ),
        Kind.PUBLISHER_KILL: surroundings.kill_publisher,
        Kind.ARTIFACT: surroundings.take_artifact,
        Kind.CLOCK: surroundings.step_clock,
        Kind.POISON: surroundings.poison,
    }
