"""Every kind of fault and its injector.

A fault is a generator that is stepped while the system runs. It ends when the fault is over, and
returns the time from which recovery is measured: the injection, if the rest of the system must
continue meanwhile; the end of the outage, if nothing can.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial

from consumer.commit.sink import CommitStep
from tests.chaos import broker_faults as brokers
from tests.chaos import detector_faults as detectors
from tests.chaos import environment_faults as environment
from tests.chaos.proxy import NetworkConditions
from tests.chaos.system import FaultInjector

# A commit takes 4 to 7 ms here, most of it after its last step is reached.
WITHIN_COMMIT_SECONDS = 0.008


class Kind(StrEnum):
    """The kinds of faults."""

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
    LEADER_KILL = "leader of most partitions kill -9"
    LEADER_FREEZE = "leader SIGSTOP until others lead"
    LEADER_ISOLATE = "leader cut off from other brokers"
    LEADER_HIDE = "leader cut off from detectors"
    TWO_DOWN = "two of three brokers kill -9"
    ROLL = "rolling restart of the brokers"
    DISK = "broker's disk replaced"
    PARTITION = "partition added to the input"
    CUT = "connections cut"
    REFUSE = "connections cut and refused"
    STALL = "connections stalled"
    SLOW = "connections slowed"
    PUBLISHER_KILL = "publisher kill -9"
    ARTIFACT = "artifact removed, detector kill -9"
    CLOCK = "clock stepped"
    POISON = "burst of poison records"


CLUSTER = {
    Kind.LEADER_KILL: brokers.kill_leader,
    Kind.LEADER_FREEZE: brokers.freeze,
    Kind.LEADER_ISOLATE: brokers.isolate,
    Kind.LEADER_HIDE: brokers.hide,
    Kind.TWO_DOWN: brokers.stop_two,
    Kind.ROLL: brokers.roll,
    Kind.DISK: brokers.replace_disk,
    Kind.PARTITION: brokers.add_partition,
}
"""The kinds that need three brokers."""


def injectors(
    replicas: int, longest_outage: float, steps: Sequence[CommitStep]
) -> dict[Kind, FaultInjector]:
    """Return the injector of each kind.

    Args:
        replicas: number of brokers.
        longest_outage: maximum seconds that the broker is down.
        steps: the steps of a commit with the delivery guarantee under test.
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
        Kind.JOIN: detectors.add,
        Kind.LEAVE: detectors.remove,
        Kind.BROKER_STOP: partial(brokers.stop, longest_outage),
        Kind.BROKER_KILL: brokers.kill,
        **(CLUSTER if replicas > 1 else {}),
        Kind.CUT: environment.cut,
        Kind.REFUSE: partial(
            environment.degrade_network, lambda _: NetworkConditions(accepting=False), (1.0, 6.0)
        ),
        Kind.STALL: partial(
            environment.degrade_network, lambda _: NetworkConditions(flowing=False), (3.0, 12.0)
        ),
        Kind.SLOW: partial(
            environment.degrade_network,
            lambda random: NetworkConditions(
                latency=random.uniform(0.05, 0.3), bytes_per_second=100_000
            ),
            (3.0, 8.0),
        ),
        Kind.PUBLISHER_KILL: environment.kill_publisher,
        Kind.ARTIFACT: environment.remove_artifact,
        Kind.CLOCK: environment.step_clock,
        Kind.POISON: environment.poison,
    }
