"""A process that runs the detector's own loop on the in-memory Kafka, one call at a time.

It is a greenlet that pauses at every external call, before its effect and after it. The driver of
several processes thus decides in which order they continue, where one fails and where one dies,
down to a single call; and the same decisions lead to the same result.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar, cast

import numpy as np
from confluent_kafka import Consumer, KafkaError, Producer
from greenlet import GreenletExit, greenlet
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.bounded_call import call_directly
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.journal import Journal
from consumer.commit.patience import Patience, open_sink
from consumer.detector.checkpoint import BatchResult, Checkpoint
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decide import Decider
from consumer.detector.decode import Decoder
from consumer.detector.loop import Detector
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.source import Source
from consumer.telemetry.health import Health
from errors import FraudstreamError
from events.messages import FEATURES
from events.topics import Topics
from kafkaio.connectivity import Reachability
from kafkaio.gaps import Gap
from tests.order.consumer import MemoryConsumer
from tests.order.identity import MemoryIdentity
from tests.order.journal import MemoryJournalPositions
from tests.order.memory import Broker, kafka_exception
from tests.order.outputs import MemoryOutputPositions
from tests.order.producer import MemoryProducer

T = TypeVar("T")
Sink = ExactlyOnce | AtLeastOnce

TOPICS = Topics()
GROUP = "detectors"
COMMIT_SECONDS = 10.0
BROKER_TIMEOUT = 60.0


class Fault(Enum):
    """A fault at a call. (A crash is not among them: it can happen anywhere.)"""

    TIMEOUT = "timeout"
    LONG_TIMEOUT = "timeout that lasts"
    ABORTABLE = "abortable error"
    FATAL = "fatal error"
    OUTAGE = "Kafka away and back"
    AWAY = "Kafka away and told to stop"


class Notice(Enum):
    """What an evicted client learns of its eviction in the background."""

    NONE = "nothing"
    MEMBER = "its id is gone"
    GENERATION = "its id and generation are gone"


_RETRIABLE = {Fault.TIMEOUT, Fault.LONG_TIMEOUT}
_REFUSED = _RETRIABLE | {Fault.ABORTABLE, Fault.FATAL}

# After a commit has taken effect, Kafka never returns an abortable error.
FAULTS: dict[tuple[str, str], set[Fault]] = {
    ("consume", "before"): {Fault.TIMEOUT, Fault.FATAL},
    ("init", "before"): _RETRIABLE | {Fault.FATAL},
    ("init", "after"): _RETRIABLE,
    ("send offsets", "before"): _REFUSED,
    ("send offsets", "after"): _REFUSED,
    ("commit", "before"): _REFUSED,
    ("commit", "after"): _RETRIABLE | {Fault.FATAL},
    ("flush", "before"): {Fault.TIMEOUT, Fault.ABORTABLE, Fault.FATAL},
    ("flush", "after"): {Fault.TIMEOUT},
    ("commit offsets", "before"): _REFUSED - {Fault.LONG_TIMEOUT},
    ("commit offsets", "after"): _REFUSED - {Fault.LONG_TIMEOUT},
    ("seek", "before"): {Fault.ABORTABLE},
    ("restart", "before"): {Fault.ABORTABLE},
    ("fetch offsets", "before"): {Fault.TIMEOUT},
    ("fetch offsets", "after"): {Fault.TIMEOUT},
    ("bounds", "before"): {Fault.TIMEOUT},
    ("read journal", "before"): {Fault.TIMEOUT},
    ("read journal", "after"): {Fault.TIMEOUT},
    ("read outputs", "before"): {Fault.TIMEOUT},
    ("read outputs", "after"): {Fault.TIMEOUT},
    ("reachable", "before"): {Fault.OUTAGE, Fault.AWAY},
}


# Creating the metrics takes a millisecond. Only what a checkpoint adds to them is checked here.
_METRICS = DetectorMetrics(CollectorRegistry())

# Batches here are smaller than a chunk, so the loop scores all of them itself.
_EXECUTOR = ThreadPoolExecutor(1)


class CountedRecords:
    """What a checkpoint adds to the metrics, in place of `DetectorMetrics`.

    Attributes:
        records: that were counted as processed.
    """

    rejected_partitions = _METRICS.rejected_partitions

    def __init__(self) -> None:
        self.records = 0

    def add(self, results: Sequence[BatchResult], *, now: float) -> None:
        """Count the records of some batches."""
        del now
        self.records += sum(result.records for result in results)

    def skip(self, gap: Gap) -> None:
        """Take a gap; `Setup.reported` has it."""


def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return V1: the payload says whether a record is a fraud."""
    return features[:, 1]


@dataclass(frozen=True)
class Setup:
    """What all processes of a world share.

    Attributes:
        broker: the in-memory Kafka.
        driver: the greenlet that drives the processes.
        reported: the gaps that processes reported.
        sink_class: how they commit.
        detector_class: their loop.
        source_class: how they read.
        checkpoint_class: how they keep what is not committed.
        batch_maximum: records in a batch, at most.
        commit_interval: seconds that offsets without results may wait; a turn takes 0.1 s.
        reads_journal: whether they continue where the journal ends; else after the group's outputs,
            should it have no committed offsets.
    """

    broker: Broker
    driver: greenlet
    reported: list[Gap]
    sink_class: type[Sink]
    detector_class: type[Detector]
    source_class: type[Source]
    checkpoint_class: type[Checkpoint]
    batch_maximum: int
    commit_interval: float
    reads_journal: bool


class Process:
    """A detector that runs one call at a time.

    Attributes:
        call: the call at which the process is paused, and whether before or after its effect.
        ended: how it ended; None while it is alive.
        counted: what it added to its metrics.
    """

    def __init__(self, setup: Setup, name: str) -> None:
        self.call = ("", "")
        self.ended: str | None = None
        self.counted = CountedRecords()
        self.name = name
        self.stopping = False
        self._clock = 0.0
        self._setup = setup
        self._consumer = MemoryConsumer(setup.broker, GROUP, self.external)
        self._producer: MemoryProducer | None = None
        self._exactly_once = exactly_once = issubclass(setup.sink_class, ExactlyOnce)
        self._journal = Journal(TOPICS.journal, GROUP, setup.broker.topic_id)
        journal = MemoryJournalPositions(setup.broker, self._journal, self.external)
        outputs = MemoryOutputPositions(setup.broker, TOPICS, GROUP, self.external)
        self._positions = journal if exactly_once and setup.reads_journal else None
        self._outputs = outputs if exactly_once and not setup.reads_journal else None
        self._greenlet = greenlet(self._run)

    @property
    def member(self) -> int | None:
        """Its member id in the group."""
        return self._consumer.member

    @property
    def has_its_id(self) -> bool:
        """Whether its producer is the latest one of its transactional id."""
        return self._producer is not None and self._producer.epoch == self._setup.broker.epoch(
            self.name
        )

    def step(self, fault: Fault | None = None) -> None:
        """Continue to the next pause; with a fault, fail at the present one."""
        self._greenlet.switch(fault)

    def crash(self) -> None:
        """Die here: nothing of it has an external effect any more."""
        self.ended = "crashed"
        self._greenlet.throw(GreenletExit)

    def notice(self, notice: Notice) -> None:
        """Learn of an eviction in the background."""
        if notice is not Notice.NONE:
            self._consumer.forget(generation=notice is Notice.GENERATION)

    def external(self, call: str, effect: Callable[[], T]) -> T:
        """Pause, perform the effect, pause; see `tests.order.external.ExternalCall`."""
        self._pause(call, "before")
        result = effect()
        self._pause(call, "after")
        return result

    def _pause(self, call: str, side: str) -> Fault | None:
        if self.ended:
            raise GreenletExit
        self.call = (call, side)
        fault: Fault | None = self._setup.driver.switch()
        if self.ended:
            raise GreenletExit
        if fault in {Fault.TIMEOUT, Fault.LONG_TIMEOUT}:
            self._clock += COMMIT_SECONDS + 1 if fault is Fault.LONG_TIMEOUT else 0.0
            raise kafka_exception(KafkaError._TIMED_OUT, retriable=True)
        if fault is Fault.ABORTABLE:
            raise kafka_exception(KafkaError.COORDINATOR_NOT_AVAILABLE, abortable=True)
        if fault is Fault.FATAL:
            raise kafka_exception(KafkaError._FATAL, fatal=True)
        return fault

    def _run(self, _fault: Fault | None) -> None:
        try:
            self._detect()
        except FraudstreamError as error:
            self.ended = f"{type(error).__name__}: {error}"
        else:
            self.ended = self.ended or "stopped"

    def _detect(self) -> None:
        setup = self._setup
        sink = setup.sink_class(
            cast("Callable[[], Producer]", self._new_producer),
            cast("Consumer", self._consumer),
            timeout=COMMIT_SECONDS,
            bounded=call_directly,  # a greenlet stays in its thread
            monotonic=lambda: self._clock,
            sleep=self._sleep,
        )
        patience = Patience(BROKER_TIMEOUT, monotonic=lambda: self._clock, sleep=self._sleep)
        if not open_sink(sink, patience, stopped=lambda: self.stopping):
            return
        metrics = cast("DetectorMetrics", self.counted)
        checkpoint = setup.checkpoint_class(metrics, DeadLetterLimit(0, 0), setup.reported.append)
        setup.detector_class(
            setup.source_class(
                cast("Consumer", self._consumer),
                TOPICS.transactions,
                MemoryIdentity(setup.broker),
                batch_maximum=setup.batch_maximum,
                committed=checkpoint.committed,
                position=checkpoint.position,
                journal=self._positions,
                outputs=self._outputs,
            ),
            Decoder(FEATURES),
            score,
            executor=_EXECUTOR,
            decider=Decider(0.5, "known", TOPICS, group=GROUP if self._exactly_once else None),
            sink=sink,
            patience=patience,
            checkpoint=checkpoint,
            metrics=_METRICS,
            health=Health(),
            commit_interval=setup.commit_interval,
            journal=self._journal,
            monotonic=lambda: self._clock,
            wall=lambda: 1.0,
        ).run(stopped=lambda: self.stopping, wait_until_reachable=self._wait_until_reachable)

    def _new_producer(
        self, *, name: str | None = None, transactional: bool = True
    ) -> MemoryProducer:
        transactional &= not issubclass(self._setup.sink_class, AtLeastOnce)
        producer = MemoryProducer(
            self._setup.broker, (name or self.name) if transactional else None, self.external
        )
        if transactional:
            self._producer = producer
        return producer

    def _wait_until_reachable(self) -> Reachability:
        fault = self._pause("reachable", "before")
        self._clock += 0.1
        if fault is Fault.OUTAGE:
            return Reachability.RECOVERED
        return Reachability.STOPPED if fault is Fault.AWAY else Reachability.REACHABLE

    def _sleep(self, seconds: float) -> None:
        self._clock += seconds
