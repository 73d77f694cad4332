"""The detector service in a thread, with a model whose scores are known."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.commit.sink import CommitHook, no_hook
from consumer.detector.loop import OnGap
from consumer.detector.options import DetectorOptions
from consumer.detector.service import Model, run_detector
from events.codec import encode
from events.messages import FEATURES, Transaction
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from model.drift_baseline import DriftBaseline

THRESHOLD = 0.5
PATIENCE = 120.0  # seconds until a test gives up waiting for a condition on a busy machine


def transaction(number: int, *, fraud: bool) -> Transaction:
    """Return a transaction that `KnownModel` flags, or one that it does not."""
    numbers = dict.fromkeys(FEATURES, 0.0) | {"Time": float(number), "V1": 1.0 if fraud else 0.0}
    return Transaction(transaction_id=f"row-{number:07d}", **numbers)


@dataclass(frozen=True)
class Metadata:
    feature_names: tuple[str, ...] = FEATURES
    threshold: float = THRESHOLD
    model_version: str = "known-1"
    model_sha256: str = "0" * 64
    reference: DriftBaseline | None = None


class KnownModel:
    """Scores a row with its V1, and counts the rows."""

    metadata = Metadata()
    runtime = "python"
    backend = "numpy"
    device = "cpu"

    def __init__(self) -> None:
        self.scored = 0
        self.largest = 0

    def warm_up(self) -> None:
        """Do nothing: there is nothing to compile."""

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        self.scored += len(features)
        self.largest = max(self.largest, len(features))
        return features[:, 1]


OPTIONS = DetectorOptions(
    group="",
    delivery="exactly-once",
    batch_maximum=512,
    commit_interval=0.1,
    broker_timeout=20.0,
    dead_letter_ratio=0.0,
    dead_letters_in_a_row=0,
    journal=False,
    on_gap=OnGap.REPORT,
    metrics_host="127.0.0.1",
    metrics_port=0,
)


class DetectorThread:
    """A detector in a thread; `stop` or `join` ends it and raises its error."""

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Topics,
        *,
        model: Model | None = None,
        hook: CommitHook = no_hook,
        **changes: Any,
    ) -> None:
        self.options = replace(OPTIONS, **changes)
        self.registry = CollectorRegistry()
        self.model: Any = model or KnownModel()
        self._hook = hook
        self.error: BaseException | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(settings, topics))
        self.thread.start()

    def _run(self, settings: KafkaSettings, topics: Topics) -> None:
        try:
            run_detector(
                settings,
                topics,
                self.options,
                lambda: self.model,
                stopped=self.stopping.is_set,
                registry=self.registry,
                hook=self._hook,
            )
        except BaseException as error:  # noqa: BLE001 - raised again by `wait_for` and `join`
            _forget_locals(error)
            self.error = error

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Block until the condition holds; poll it every 20 ms.

        The condition depends on another thread and on Kafka, which send no notification.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.error is not None:
                raise self.error
            if condition():
                return
            time.sleep(0.02)
        pytest.fail(f"The condition did not hold within {PATIENCE:.0f} s.")

    def stop(self) -> None:
        self.stopping.set()
        self.join()

    def join(self) -> None:
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error


def _forget_locals(error: BaseException | None) -> None:
    """Clear the local variables of the frames that an error and its causes passed through.

    They hold the detector's clients. After a transaction that timed out, the garbage collector does
    not free them: it cannot see who else refers to the first exception.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


@contextmanager
def producing(settings: KafkaSettings) -> Iterator[Producer]:
    """Yield a producer; when the block ends, all of its records have been delivered."""
    undelivered: list[object] = []
    producer = Producer(
        settings.client(
            {
                "linger.ms": 5,
                "on_delivery": lambda error, _: undelivered.append(error) if error else None,
            }
        )
    )
    yield producer
    assert producer.flush(PATIENCE) == 0
    assert undelivered == []


def publish(
    settings: KafkaSettings, topics: Topics, values: list[bytes | None], **record: Any
) -> None:
    """Publish these values; each key is the value's position."""
    with producing(settings) as producer:
        for number, value in enumerate(values):
            producer.poll(0)
            producer.produce(topics.transactions, key=str(number), value=value, **record)


def payloads(frauds: list[bool]) -> list[bytes | None]:
    return [encode(transaction(number, fraud=fraud)) for number, fraud in enumerate(frauds)]
