"""The order of effects: whatever fails, and wherever, each record is processed exactly once.

The detector's own loop, source and sinks run on an in-memory Kafka, call by call. After each
commit, and after recovery, a `read_committed` reader must find each committed record once in the
journal, each fraud in one alert, and each invalid record in one dead letter.
"""

from collections.abc import Callable
from itertools import chain
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.detector.checkpoint import Checkpoint
from consumer.detector.loop import Detector
from consumer.detector.source import Source
from tests.order import mutants
from tests.order.process import FAULTS, Fault, Notice
from tests.order.walk import NAMES, walk
from tests.order.world import PARTITIONS, Kind, World

T = TypeVar("T")

names = st.sampled_from(NAMES)
faults = st.sampled_from(Fault)


class Order(RuleBasedStateMachine):
    """Everything that may happen to detectors; the world checks the invariants at each commit."""

    world: World

    @initialize(batch_maximum=st.integers(1, 4), commit_interval=st.sampled_from([0.0, 0.3, 5.0]))
    def begin(self, batch_maximum: int, commit_interval: float) -> None:
        self.world = World(batch_maximum=batch_maximum, commit_interval=commit_interval)
        self.world.start(NAMES[0])

    @rule(partition=st.integers(0, PARTITIONS - 1), kind=st.sampled_from(Kind))
    def publish(self, partition: int, kind: Kind) -> None:
        self.world.publish(partition, kind)

    @precondition(lambda self: len(self.world.living) < len(NAMES))
    @rule(name=names)
    def start(self, name: str) -> None:
        self.world.start(name)

    @precondition(lambda self: self.world.living)
    @rule(data=st.data(), steps=st.integers(1, 25))
    def run_on(self, data: st.DataObject, steps: int) -> None:
        process = data.draw(st.sampled_from(self.world.living))
        for _ in range(steps):
            if process.ended is None:
                self.world.step(process)

    @precondition(lambda self: self.world.living)
    @rule(data=st.data(), fault=faults)
    def fail(self, data: st.DataObject, fault: Fault) -> None:
        self.world.fail(data.draw(st.sampled_from(self.world.living)), fault)

    @precondition(lambda self: self.world.living)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.world.living)).crash()

    @precondition(lambda self: self.world.living)
    @rule(data=st.data(), notice=st.sampled_from(Notice))
    def be_evicted(self, data: st.DataObject, notice: Notice) -> None:
        self.world.expire(data.draw(st.sampled_from(self.world.living)), notice)

    @precondition(lambda self: self.world.living)
    @rule(data=st.data())
    def be_stopped(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.world.living)).stopping = True

    @rule(name=names)
    def time_out_the_transaction(self, name: str) -> None:
        self.world.broker.time_out(name)

    @rule(partition=st.integers(0, PARTITIONS - 1), offset=st.integers(0, 3))
    def have_kafka_forget_offsets(self, partition: int, offset: int) -> None:
        self.world.forget(partition, offset)

    @rule(partition=st.integers(0, PARTITIONS - 1), before=st.integers(1, 4))
    def have_retention_delete_records(self, partition: int, before: int) -> None:
        self.world.delete(partition, before)

    @rule()
    def recreate_the_input(self) -> None:
        self.world.recreate()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.recover()
                self.world.check_all()
            finally:
                self.world.close()


TestOrder = Order.TestCase
TestOrder.settings = settings(
    max_examples=300,
    stateful_step_count=30,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],  # the machine may be busy
)


AT_LEAST_ONCE_CALLS = {"flush", "commit offsets"}
"""Calls that only the at-least-once sink makes."""

EXPIRED_CALL = "read outputs"
"""The call that is made only when the group's offsets have expired."""


def possible(calls: Callable[[str], bool]) -> set[tuple[tuple[str, str], Fault]]:
    """Return the faults of these calls, before and after their effect."""
    return {(call, fault) for call, faults in FAULTS.items() if calls(call[0]) for fault in faults}


def test_thousands_of_schedules_process_exactly_once_and_meet_every_fault() -> None:
    met = set().union(*(walk(seed).failed for seed in range(4000)))
    assert met == possible(lambda call: call not in AT_LEAST_ONCE_CALLS | {EXPIRED_CALL})


def test_when_the_offsets_expire_nothing_is_lost_and_no_output_written_twice() -> None:
    met = set().union(*(walk(seed, reads_journal=False).failed for seed in range(1000)))
    assert met >= possible(lambda call: call == EXPIRED_CALL)


def test_more_schedules_process_at_least_once_and_meet_every_fault() -> None:
    met = set().union(*(walk(seed, AtLeastOnce).failed for seed in range(1500)))
    assert met >= possible(lambda call: call in AT_LEAST_ONCE_CALLS)


@pytest.mark.parametrize(
    ("sink", "mutant", "seed"),
    [
        pytest.param(mutants.OffsetsFirst, None, 0, id="offsets before alerts"),
        pytest.param(mutants.WithoutTransaction, None, 0, id="without transaction"),
        pytest.param(mutants.WithoutGeneration, None, 0, id="without generation"),
        pytest.param(mutants.AnyMembership, None, 1231, id="membership not checked"),
        pytest.param(mutants.UnfencedId, None, 0, id="transactional id not fenced"),
        pytest.param(mutants.DeadLettersOutside, None, 0, id="dead letters outside"),
        pytest.param(ExactlyOnce, mutants.WithoutRewind, 0, id="without rewind"),
        pytest.param(ExactlyOnce, mutants.RewindsToTheLastBatch, 0, id="rewind too short"),
        pytest.param(ExactlyOnce, mutants.CommitsLastRead, 0, id="offset of the last record"),
        pytest.param(ExactlyOnce, mutants.TakesUncertainForAborted, 632, id="uncertain is aborted"),
        pytest.param(
            ExactlyOnce, mutants.TakesUncertainForCommitted, 0, id="uncertain is committed"
        ),
        pytest.param(ExactlyOnce, mutants.CountsBeforeItKnows, 0, id="counts twice"),
        pytest.param(
            ExactlyOnce, mutants.BelievesTheGroupAfterAFailure, 926, id="believes the group, later"
        ),
        pytest.param(ExactlyOnce, mutants.KeepsWhatWasRevoked, 0, id="keeps what was revoked"),
        pytest.param(ExactlyOnce, mutants.BelievesTheGroup, 0, id="believes the group"),
        pytest.param(ExactlyOnce, mutants.SkipsSilently, 0, id="skips silently"),
        pytest.param(ExactlyOnce, mutants.JumpsToTheFirstRecord, 0, id="jumps to the first record"),
        pytest.param(ExactlyOnce, mutants.IgnoresTopicIds, 0, id="ignores topic ids"),
        pytest.param(ExactlyOnce, mutants.CommitsWithoutTopicId, 0, id="commits without topic id"),
        pytest.param(
            ExactlyOnce, mutants.RemembersTheDeletedTopic, 2183, id="remembers a deleted topic"
        ),
        pytest.param(
            ExactlyOnce, mutants.RewindsIntoTheNewTopic, 489, id="rewinds into the new topic"
        ),
        pytest.param(AtLeastOnce, mutants.SkipsSilently, 0, id="at-least-once, skips silently"),
        pytest.param(AtLeastOnce, mutants.WithoutRewind, 0, id="at-least-once, without rewind"),
    ],
)
def test_every_mutant_is_found(
    sink: type[ExactlyOnce | AtLeastOnce],
    mutant: type[Detector | Source | Checkpoint] | None,
    seed: int,
) -> None:
    """Search from seed 0 on, after the one that finds the mutant if the schedules are as ever."""

    def replacement(original: type[T]) -> type[T]:
        return mutant if mutant is not None and issubclass(mutant, original) else original

    def walk_far() -> None:
        for tried in chain([seed], range(5000)):
            walk(tried, sink, replacement(Detector), replacement(Source), replacement(Checkpoint))

    with pytest.raises(AssertionError):
        walk_far()


@pytest.mark.parametrize(
    ("mutant", "seed"),
    [
        pytest.param(mutants.BeginsAgain, 12, id="begins again"),
        pytest.param(mutants.ScoresTheLastAgain, 12, id="scores the last record again"),
        pytest.param(mutants.BelievesOutputsOfADeletedTopic, 187, id="outputs of a deleted topic"),
    ],
)
def test_every_mutant_is_found_when_offsets_expire(mutant: type[Source], seed: int) -> None:
    def walk_far() -> None:
        for tried in chain([seed], range(5000)):
            walk(tried, source_class=mutant, reads_journal=False)

    with pytest.raises(AssertionError):
        walk_far()
