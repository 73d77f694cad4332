"""A process that runs the detector's own loop over the Kafka in memory, one call at a time.

It is a greenlet that stands still at every call to the outside, before its effect and after it. So
whoever drives several of them decides in which order they go on, where one fails, and where one
dies, down to a single call; and the same decisions give the same outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np
from confluent_kafka import KafkaError
from greenlet import GreenletExit, greenlet
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.journal import Journal
from consumer.commit.sink import CommitSink
from consumer.detector.dead_letter_limit import DeadLetterLimit
from consumer.detector.decode import Decoder
from consumer.detector.loop import Detector
from consumer.detector.metrics import DetectorMetrics
from consumer.detector.source import Source
from consumer.telemetry.health import Health
from errors import FraudstreamError
from events.messages import FEATURES
from events.topics import Topics
from tests.order.consumer import MemoryConsumer
from tests.order.done import MemoryEnds
from tests.order.memory import Broker, refusal
from tests.order.producer import MemoryProducer

T = TypeVar("T")
Committing = ExactlyOnce | AtLeastOnce

TOPICS = Topics()
GROUP = "detectors"
JOURNAL = Journal(TOPICS.journal, b"detectors 1")
TIMEOUT = 10.0


class Fault(Enum):
    """What goes wrong at a call; a crash is none of these, it needs no call's consent."""

    TIMEOUT = "timeout"
    LONG_TIMEOUT = "timeout that lasts"
    ABORTABLE = "abortable error"
    FATAL = "fatal error"
    OUTAGE = "Kafka away and back"
    AWAY = "Kafka away and told to stop"


class Notice(Enum):
    """What a client hears in the background of its having been thrown out."""

    NONE = "nothing"
    MEMBER = "its id is gone"
    GENERATION = "its id and generation are gone"


_RETRIABLE = {Fault.TIMEOUT, Fault.LONG_TIMEOUT}
_REFUSED = _RETRIABLE | {Fault.ABORTABLE, Fault.FATAL}

# After the effect of a commit, an abortable error would be a lie that Kafka does not tell.
FAULTS: dict[tuple[str, str], set[Fault]] = {
    ("consume", "before"): {Fault.TIMEOUT, Fault.FATAL},
    ("init", "before"): _RETRIABLE | {Fault.FATAL},
    ("init", "after"): _RETRIABLE,
    ("send offsets", "before"): _REFUSED,
    ("send offsets", "after"): _REFUSED,
    ("commit", "before"): _REFUSED,
    ("commit", "after"): _RETRIABLE | {Fault.FATAL},
    ("abort", "before"): _RETRIABLE | {Fault.FATAL},
    ("abort", "after"): _RETRIABLE | {Fault.FATAL},
    ("flush", "before"): {Fault.TIMEOUT, Fault.ABORTABLE, Fault.FATAL},
    ("flush", "after"): {Fault.TIMEOUT},
    ("commit offsets", "before"): _REFUSED - {Fault.LONG_TIMEOUT},
    ("commit offsets", "after"): _REFUSED - {Fault.LONG_TIMEOUT},
    ("seek", "before"): {Fault.ABORTABLE},
    ("read journal", "before"): {Fault.TIMEOUT},
    ("read journal", "after"): {Fault.TIMEOUT},
    ("reachable", "before"): {Fault.OUTAGE, Fault.AWAY},
}


# Making one takes a millisecond; what it counts is of no interest here.
_METRICS = DetectorMetrics(CollectorRegistry())


def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return V1: what a record is, its payload says."""
    return features[:, 1]


@dataclass(frozen=True)
class Setup:
    """What all processes of a world share.

    Attributes:
        broker: the Kafka.
        driver: the greenlet that drives them.
        delivery_class: how they commit.
        detector_class: their loop.
        source_class: how they read.
        batch_maximum: records in a batch, at most.
        commit_interval: seconds that offsets without results may wait; a turn takes 0.1 s.
    """

    broker: Broker
    driver: greenlet
    delivery_class: type[Committing]
    detector_class: type[Detector]
    source_class: type[Source]
    batch_maximum: int
    commit_interval: float


class Process:
    """A detector that is run a call at a time.

    Attributes:
        call: the call and the side of it at which the process stands.
        ended: how it ended; None while it lives.
    """

    def __init__(self, setup: Setup, name: str) -> None:
        self.call = ("", "")
        self.ended: str | None = None
        self.name = name
        self.stopping = False
        self._clock = 0.0
        self._setup = setup
        self._consumer = MemoryConsumer(setup.broker, GROUP, self.outside)
        self._producer: MemoryProducer | None = None
        exactly = issubclass(setup.delivery_class, ExactlyOnce)
        self._done = MemoryEnds(setup.broker, JOURNAL.topic, self.outside) if exactly else None
        self._greenlet = greenlet(self._run)

    @property
    def member(self) -> int | None:
        """Its id in the group."""
        return self._consumer.member

    @property
    def has_its_id(self) -> bool:
        """Whether its producer is the youngest of its transactional id."""
        return self._producer is not None and self._producer.epoch == self._setup.broker.epoch(
            self.name
        )

    def step(self, fault: Fault | None = None) -> None:
        """Go on to the next stop; fail at this one if there is a fault."""
        self._greenlet.switch(fault)

    def crash(self) -> None:
        """Die here: nothing more of it reaches the outside."""
        self.ended = "crashed"
        self._greenlet.throw(GreenletExit)

    def notice(self, notice: Notice) -> None:
        """Hear of having been thrown out, in the background."""
        if notice is not Notice.NONE:
            self._consumer.forget(generation=notice is Notice.GENERATION)

    def outside(self, call: str, effect: Callable[[], T]) -> T:
        """Stand still, do it, stand still; see `tests.order.outside.Outside`."""
        self._stand(call, "before")
        result = effect()
        self._stand(call, "after")
        return result

    def _stand(self, call: str, side: str) -> Fault | None:
        if self.ended:
            raise GreenletExit
        self.call = (call, side)
        fault: Fault | None = self._setup.driver.switch()
        if self.ended:
            raise GreenletExit
        if fault in {Fault.TIMEOUT, Fault.LONG_TIMEOUT}:
            self._clock += TIMEOUT + 1 if fault is Fault.LONG_TIMEOUT else 0.0
            raise refusal(KafkaError._TIMED_OUT, retriable=True)
        if fault is Fault.ABORTABLE:
            raise refusal(KafkaError.COORDINATOR_NOT_AVAILABLE, abortable=True)
        if fault is Fault.FATAL:
            raise refusal(KafkaError._FATAL, fatal=True)
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
        delivery = setup.delivery_class(
            self._new_producer,
            self._consumer,
            timeout=TIMEOUT,
            observe=lambda _stage, _seconds: None,
            monotonic=lambda: self._clock,
            sleep=self._sleep,
        )
        delivery.open()
        setup.detector_class(
            setup.source_class(
                self._consumer,
                TOPICS.transactions,
                batch_maximum=setup.batch_maximum,
                done=self._done,
            ),
            Decoder(FEATURES),
            score,
            threshold=0.5,
            model_version="known",
            delivery=delivery,
            topics=TOPICS,
            metrics=_METRICS,
            health=Health(),
            commit_interval=setup.commit_interval,
            limit=DeadLetterLimit(0, 0),
            journal=JOURNAL,
            monotonic=lambda: self._clock,
            wall=lambda: 1.0,
        ).run(stopped=lambda: self.stopping, reachable=lambda: self._reachable(delivery))

    def _new_producer(
        self, *, name: str | None = None, transactional: bool = True
    ) -> MemoryProducer:
        transactional &= not issubclass(self._setup.delivery_class, AtLeastOnce)
        producer = MemoryProducer(
            self._setup.broker, (name or self.name) if transactional else None, self.outside
        )
        if transactional:
            self._producer = producer
        return producer

    def _reachable(self, delivery: CommitSink) -> bool:
        fault = self._stand("reachable", "before")
        self._clock += 0.1
        if fault is Fault.OUTAGE:
            delivery.open()
        return fault is not Fault.AWAY

    def _sleep(self, seconds: float) -> None:
        self._clock += seconds
