"""The metrics page has sums only, never a transaction, and is served only on the given address."""

from typing import Any

import psutil
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from events.codec import encode
from events.messages import FEATURES, Transaction
from events.topics import Topics
from fraudstream.commands import detect, quality
from kafkaio.settings import KafkaSettings
from tests.integration.security.conftest import Run
from tests.support.detector import DetectorThread, publish

ID = "customer-4711"
NUMBERS = {name: 3.0 + index / 1024 for index, name in enumerate(FEATURES)}

# The labels that are allowed: each has few values, known before any transaction arrives.
LABELS = {
    "backend", "device", "event", "feature", "le", "model_sha256", "model_version", "outcome",
    "partition", "reason", "runtime", "stage", "topic", "trigger", "version",
}  # fmt: skip


def test_no_label_contains_data_of_a_transaction(
    kafka_settings: KafkaSettings, topics: Topics
) -> None:
    running = DetectorThread(kafka_settings, topics, group="test-metrics-page")
    flagged = encode(Transaction(transaction_id=ID, **NUMBERS))
    publish(kafka_settings, topics, [flagged, flagged[:-20]])
    running.wait_for(
        lambda: (
            running.value("fraud_alerts_total") > 0
            and running.value("fraud_dead_letters_total", reason="malformed_json") > 0
        )
    )
    text = generate_latest(running.registry).decode()
    running.stop()

    labels = [
        pair
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for pair in sample.labels.items()
    ]
    assert {name for name, _ in labels} <= LABELS
    values = {value for name, value in labels if name != "le"}
    assert not values & {ID, *FEATURES, *map(str, NUMBERS.values())}
    assert ID not in text


@pytest.mark.parametrize(("command", "port"), [(detect.command, 8000), (quality.command, 8001)])
def test_by_default_metrics_are_served_on_loopback_only(command: Any, port: int) -> None:
    (option,) = (option for option in command.params if option.name == "metrics")
    assert option.default == f"127.0.0.1:{port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0"])  # noqa: S104
def test_metrics_are_served_on_the_given_address_only(
    kafka_settings: KafkaSettings, topics: Topics, run: Run, host: str
) -> None:
    where = ("--broker", kafka_settings.broker, "--topic-prefix", topics.prefix)
    monitor = run("quality", "--metrics", f"{host}:0", *where)
    monitor.says("Metrics at")
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(monitor.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [host]
