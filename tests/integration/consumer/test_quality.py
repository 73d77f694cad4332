"""`fraudstream quality` as a process, on a real broker."""

import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from consumer.quality.label_join import QualityReport
from events.codec import encode
from events.messages import Alert, Label
from events.topics import Topics
from kafkaio.group_positions import GroupPositions
from kafkaio.settings import KafkaSettings
from tests.support.command import Command, Transactions, until
from tests.support.detector import PATIENCE


def alert(name: str) -> bytes:
    return encode(Alert(name, 0, 12, 0.9, 0.5, "v1", 10.0))


def label(name: str, kind: Literal[0, 1]) -> bytes:
    return encode(Label(name, 0, 10.0, kind))


@pytest.fixture
def transactions(kafka_settings: KafkaSettings) -> Transactions:
    return Transactions(kafka_settings)


@pytest.fixture
def quality(
    kafka_settings: KafkaSettings, topics: Topics, tmp_path: Path
) -> Iterator[Callable[..., Command]]:
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        started.append(
            Command(
                tmp_path, "quality", "--json", "--metrics", "127.0.0.1:0",
                "--broker", kafka_settings.broker, "--topic-prefix", topics.prefix, *arguments,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for running in started:
        running.kill()


def address(quality: Command) -> str:
    quality.says("Joining")
    (line,) = [line for line in quality.err.splitlines() if "Metrics at" in line]
    return line.split()[-1].removesuffix("/metrics")


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:  # noqa: S310 - ours
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def stop(quality: Command, number: signal.Signals = signal.SIGTERM) -> QualityReport:
    assert quality.end(number) == 0, quality.err
    return msgspec.json.decode(quality.out.splitlines()[-1], type=QualityReport)


def test_live_series_follow_alerts_and_labels(
    topics: Topics, transactions: Transactions, quality: Callable[..., Command]
) -> None:
    transactions.write(topics.alerts, alert("caught"), alert("caught"), partition=0)
    transactions.write(topics.alerts, alert("false alarm"), partition=1)
    transactions.begin(topics.alerts, alert("missed"))
    transactions.abort()
    monitor = quality("--grace", "0.2")
    url = address(monitor)
    until(lambda: get(f"{url}/readyz") == (200, "ok\n"), "readiness")
    assert get(f"{url}/healthz")[0] == 200
    labels: dict[str, Literal[0, 1]] = {
        "caught": 1,
        "missed": 1,
        "false alarm": 0,
        "fine": 0,
        "fine too": 0,
    }
    transactions.write(
        topics.labels, *(label(name, kind) for name, kind in labels.items()), b"rubbish"
    )
    transactions.write(topics.labels, label("caught", 1))
    expected = {"true_positive": 1, "false_negative": 1, "false_positive": 1, "true_negative": 2}
    lines = [
        line
        for outcome, count in expected.items()
        for line in (
            f'fraud_labels_total{{outcome="{outcome}"}} {count:.1f}',
            f'fraud_amount_total{{outcome="{outcome}"}} {10 * count:.1f}',
        )
    ]
    until(lambda: all(line in get(f"{url}/metrics")[1] for line in lines), "the outcomes")
    report = stop(monitor, signal.SIGINT)
    assert (report.precision, report.recall) == (0.5, 0.5)
    assert (report.alerts, report.labels) == (2, 5)
    assert "1 records could not be decoded" in monitor.err


def test_a_stop_judges_labels_written_just_before(
    topics: Topics, transactions: Transactions, quality: Callable[..., Command]
) -> None:
    monitor = quality("--grace", "60")
    address(monitor)
    transactions.write(topics.labels, label("a", 1), label("b", 1))
    transactions.write(topics.alerts, alert("b"))
    report = stop(monitor)
    assert (report.true_positives, report.false_negatives, report.labels) == (1, 1, 2)
    assert (report.amount_caught, report.amount_missed) == (10.0, 10.0)


def test_earlier_labels_are_judged_by_all_earlier_alerts(
    topics: Topics, transactions: Transactions, quality: Callable[..., Command]
) -> None:
    names = [f"tx-{number}" for number in range(2_000)]
    transactions.write(topics.labels, *(label(name, 1) for name in names))
    transactions.write(topics.alerts, *(alert(name) for name in names))
    monitor = quality("--grace", "0")
    monitor.says("Joining")
    report = stop(monitor)
    assert (report.true_positives, report.labels, report.recall) == (2_000, 2_000, 1.0)


def test_from_now_skips_old_labels_but_reads_old_alerts(
    topics: Topics, transactions: Transactions, quality: Callable[..., Command]
) -> None:
    transactions.write(topics.alerts, alert("old"), alert("flagged before"))
    transactions.write(topics.labels, label("old", 1))
    monitor = quality("--from-now")
    address(monitor)
    transactions.write(topics.labels, label("flagged before", 1))
    report = stop(monitor)
    assert (report.true_positives, report.labels, report.alerts) == (1, 1, 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_labels_that_arrive_during_a_restart_are_judged_once(
    topics: Topics,
    transactions: Transactions,
    quality: Callable[..., Command],
    number: signal.Signals,
) -> None:
    options = ("--from-now", "--group", f"{topics.prefix}quality", "--grace", "0")
    transactions.write(topics.labels, label("before the first start", 1))
    transactions.write(topics.alerts, alert("during"))
    monitor = quality(*options)
    address(monitor)
    transactions.write(topics.labels, label("first", 1))
    monitor.shows(2)  # the first line has no label
    if number == signal.SIGKILL:
        committed(topics, transactions.settings)
    monitor.end(number)
    transactions.write(topics.labels, label("during", 1), label("during too", 1))
    monitor = quality(*options)
    address(monitor)
    report = stop(monitor)
    assert (report.true_positives, report.false_negatives, report.labels) == (1, 1, 2)


def committed(topics: Topics, settings: KafkaSettings) -> None:
    """Wait until the position after the second label is stored."""
    with GroupPositions(settings, f"{topics.prefix}quality") as positions:
        until(lambda: positions.fetch([(topics.labels, 0)]) == {(topics.labels, 0): 3}, "a commit")


def test_a_taken_port_is_one_sentence(quality: Callable[..., Command]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monitor = quality("--metrics", f"127.0.0.1:{port}")
        assert monitor.process.wait(PATIENCE) == 2
    assert monitor.err.startswith(f"Error: Port {port} of 127.0.0.1 is taken")
    _, hint = monitor.err.splitlines()
    assert hint.startswith("Hint: `--metrics HOST:PORT`")
