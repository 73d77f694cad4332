"""The drift gauges of a detector, on a stream in which one feature has moved."""

from collections.abc import Callable

import numpy as np

from consumer.detector.drift import ROWS_NEEDED
from events.codec import encode
from events.messages import FEATURES, Transaction
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from model.drift_baseline import DriftBaseline
from tests.support.detector import DetectorThread, KnownModel, Metadata, publish

RANDOM = np.random.default_rng(4)
SOME = 2_000  # rows that are published at once


def rows(number: int, *, moved: str | None = None) -> np.ndarray:
    """Return transactions that the test model does not flag; one feature may have moved."""
    found = RANDOM.uniform(0, 0.4, (number, len(FEATURES)))
    if moved:
        found[:, FEATURES.index(moved)] += 0.2
    return found.astype(np.float32)


def run(
    detect: Callable[..., DetectorThread],
    settings: KafkaSettings,
    topics: Topics,
    *,
    reference: bool,
) -> DetectorThread:
    """Publish until the window has enough rows; V7 has moved."""
    trained, model = rows(20_000), KnownModel()
    known = DriftBaseline.of(trained, trained[:, 1], np.ones(len(trained)))
    model.metadata = Metadata(reference=known if reference else None)
    running = detect(model=model)
    published = 0

    def enough() -> bool:
        nonlocal published
        came = [
            Transaction(f"row-{published + number}", *row)
            for number, row in enumerate(rows(SOME, moved="V7").tolist())
        ]
        publish(settings, topics, [encode(each) for each in came])
        published += SOME
        return running.value("fraud_drift_rows") >= ROWS_NEEDED or not reference

    running.wait_for(enough)
    running.wait_for(lambda: running.value("fraud_transactions_scored_total") == published)
    return running


def test_a_feature_that_moved_raises_its_own_gauge_only(
    detect: Callable[..., DetectorThread], kafka_settings: KafkaSettings, topics: Topics
) -> None:
    running = run(detect, kafka_settings, topics, reference=True)
    drift = {name: running.value("fraud_feature_drift_psi", feature=name) for name in FEATURES}
    assert drift.pop("V7") > 0.2
    assert max(drift.values()) < 0.1
    assert 0 < running.value("fraud_score_drift_psi") < 0.1


def test_a_model_without_a_drift_baseline_is_served_without_drift_gauges(
    detect: Callable[..., DetectorThread], kafka_settings: KafkaSettings, topics: Topics
) -> None:
    running = run(detect, kafka_settings, topics, reference=False)
    for name, labels in (
        ("fraud_score_drift_psi", {}),
        ("fraud_feature_drift_psi", {"feature": "V7"}),
        ("fraud_drift_rows", {}),
    ):
        assert running.registry.get_sample_value(name, labels) is None
    assert running.value("fraud_ready") == 1
