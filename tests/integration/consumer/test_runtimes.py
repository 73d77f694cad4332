"""A detector raises the same alerts, whichever runtime computes its network."""

from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest

from dataset.twin import synthesize
from events.codec import decode_alert, encode
from events.messages import FEATURES, Alert, Transaction
from events.topics import Topics
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from model.serving.runtime import Runtime
from model.serving.scorer import Scorer
from tests.support.detector import DetectorThread, publish

ROWS = 10_000
FRAUDS_IN = 50_000  # the frauds of so many rows are among them


def test_both_runtimes_raise_the_same_alerts(
    kafka_settings: KafkaSettings, topics: Topics, demo_artifact: Path
) -> None:
    frame = synthesize(FRAUDS_IN, seed=7)
    chosen = (frame["Class"] == 1) | (np.arange(FRAUDS_IN) < ROWS)
    rows = frame.loc[chosen, list(FEATURES)].to_numpy().tolist()
    transactions = (Transaction(f"row-{number}", *row) for number, row in enumerate(rows))
    publish(kafka_settings, topics, [encode(each) for each in transactions])

    def alerts_of(runtime: Runtime) -> dict[str, Alert]:
        before = set(records(kafka_settings, topics))
        model = Scorer.load(demo_artifact, runtime=runtime, device="cpu", batch_maximum=2048)
        assert model.runtime == runtime
        running = DetectorThread(
            kafka_settings, topics, model=model, group=f"by-{runtime}", batch_maximum=4096
        )
        running.wait_for(lambda: running.value("fraud_transactions_scored_total") == len(rows))
        running.stop()
        assert f'runtime="{runtime}"' in generate_latest(running.registry).decode()
        raised = records(kafka_settings, topics).items()
        alerts = [decode_alert(value) for place, value in raised if place not in before]
        return {alert.transaction_id: alert for alert in alerts}

    by_onnx, by_keras = alerts_of("onnx"), alerts_of("keras")
    assert by_onnx.keys() == by_keras.keys()
    assert len(by_onnx) > 50
    for name, alert in by_onnx.items():
        assert alert.score == pytest.approx(by_keras[name].score, abs=1e-6)
        assert alert.threshold == by_keras[name].threshold
        assert alert.model_version == by_keras[name].model_version


def records(settings: KafkaSettings, topics: Topics) -> dict[tuple[int | None, int | None], bytes]:
    """Return the alerts as they were written, by partition and offset."""
    return {
        (message.partition(), message.offset()): message.value() or b""
        for message in read_topic(settings, topics.alerts)
    }
