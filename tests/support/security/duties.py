"""The work of each user in docs/security.md, done once, in this process."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from consumer.alerts.follow import follow_alerts
from consumer.dead_letters.reader import DeadLetterReader
from consumer.dead_letters.requeue import OnError, Requeue
from consumer.quality.monitor import run_quality
from events.codec import dead_letter_headers
from events.messages import FEATURES, Alert, DeadLetter
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics, delete_topics
from producer.replay import replay
from tests.support.detector import PATIENCE, DetectorThread, payloads, producing, publish

if TYPE_CHECKING:
    from consumer.quality.label_join import QualityReport

TOPICS = Topics()
BAD = b"no transaction"
DETECTORS = "fraudstream-detector"
GROUP = "fraudstream-dead-letters"  # the default of `fraudstream dead-letters`

never = bool  # called without arguments, it is False


def frame(rows: int = 10) -> pd.DataFrame:
    numbers = pd.DataFrame(0.0, index=range(rows), columns=list(FEATURES))
    return numbers.assign(Time=np.arange(rows, dtype="float64"), Class=1)


def make_topics(settings: KafkaSettings) -> None:
    create_topics(settings, TOPICS.all(), partitions=2, retention=None)


def create(settings: KafkaSettings, admin: KafkaSettings, *, but: str = "") -> None:
    """Recreate the topics, or only the one that is named."""
    delete_topics(admin, [but] if but else TOPICS.all())
    make_topics(settings)


def produce(settings: KafkaSettings) -> None:
    report = replay(frame(), settings, TOPICS)
    assert report.delivered == report.labels_delivered == report.sent


def detect(settings: KafkaSettings, admin: KafkaSettings) -> None:
    """Raise an alert and write a dead letter, each in a transaction with a journal entry.

    Twice, since the second detector resumes where the first one's journal ends.
    """
    for _ in range(2):
        publish(admin, TOPICS, [*payloads([True]), BAD])
        _detect_once(settings, journal=True)


def resume(settings: KafkaSettings, admin: KafkaSettings) -> None:
    """Raise an alert and write a dead letter, after the group's offsets have expired."""
    client = AdminClient(admin.client())  # a name keeps it alive until it has answered
    client.delete_consumer_groups([DETECTORS])[DETECTORS].result(PATIENCE)
    publish(admin, TOPICS, [*payloads([True]), BAD])
    _detect_once(settings)


def _detect_once(settings: KafkaSettings, *, journal: bool = False) -> None:
    running = DetectorThread(settings, TOPICS, group=DETECTORS, journal=journal)
    try:
        running.wait_for(partial(_has_results, running))
    finally:
        running.stop()


def _has_results(running: DetectorThread) -> bool:
    return (
        running.value("fraud_alerts_total") > 0
        and running.value("fraud_dead_letters_total", reason="malformed_json") > 0
    )


def judge(settings: KafkaSettings) -> None:
    seen: list[QualityReport] = []
    run_quality(
        settings,
        TOPICS,
        grace=0.0,
        from_beginning=True,
        group="fraudstream-quality",
        metrics_host="127.0.0.1",
        metrics_port=0,
        registry=CollectorRegistry(),
        show=seen.append,
        every=0.1,
        stopped=lambda: bool(seen) and seen[-1].labels > 0,
    )
    assert seen[-1].labels > 0


def follow(settings: KafkaSettings) -> None:
    seen: list[Alert] = []
    follow_alerts(settings, TOPICS, show=seen.append, stopped=never, from_beginning=True, limit=1)
    assert seen


def replay_dead_letters(settings: KafkaSettings, admin: KafkaSettings) -> None:
    """Replay one dead letter, and requeue one that is rejected again."""
    with producing(admin) as producer:
        for value in (*payloads([False]), BAD):
            place = (TOPICS.transactions, 0, 0)
            letter = DeadLetter(*place, "decode", "PayloadError", "why", "empty", b"key", value)
            producer.produce(TOPICS.dead_letters, value, headers=list(dead_letter_headers(letter)))
    with DeadLetterReader(settings, TOPICS.dead_letters, GROUP, stopped=never) as reader:
        assert reader.connect(to_commit=True)
        requeue = Requeue(reader, settings, on_error=OnError.REQUEUE)
        requeue.run()
    assert requeue.done.replayed >= 1
    assert requeue.done.requeued["malformed_json"] >= 1


def duties(admin: KafkaSettings) -> dict[str, Callable[[KafkaSettings], None]]:
    """Return each user's work, in an order in which each finds the records that it needs."""
    return {
        "fraudstream-topics": partial(create, admin=admin),
        "fraudstream-producer": produce,
        "fraudstream-detector": partial(detect, admin=admin),
        "fraudstream-quality": judge,
        "fraudstream-alerts": follow,
        "fraudstream-dead-letters": partial(replay_dead_letters, admin=admin),
    }
