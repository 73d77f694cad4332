"""All services of deploy/ running on a replay, scraped by a Prometheus."""

import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.harness.errors import BenchmarkError
from benchmarks.operations.deployed import DEPLOY, Deployed, deployed, replaying
from benchmarks.operations.prometheus import Prometheus, Series
from dataset.twin import synthesize
from dataset.writer import write
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics, delete_topics
from tests.support.detector import producing

PATIENCE = 150.0  # seconds from the first record to the last recorded series

# Transactions a second. Drift is reported after 7,000 of them.
RATE = "1500"

_INTERVAL = re.compile(r"\b((?:scrape_|evaluation_)?(?:interval|timeout)): \d+s")


def is_finite(series: list[Series]) -> bool:
    """Return whether any of the series has a number."""
    return any(np.isfinite(each.values).any() for each in series)


def rules(kind: str) -> list[dict[str, Any]]:
    """Return the rules of deploy/ of a kind: "record" or "alert"."""
    files = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def metrics(expression: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    return set(re.findall(r"\b(?:job:[\w:]+|fraud_\w+|process_\w+|up)\b", expression))


@contextmanager
def watched(settings: KafkaSettings, folder: Path, program: Path) -> Iterator[Deployed]:
    """Run the services until the block ends; it begins once every recorded series has a number."""
    topics = Topics(f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(settings, topics.all(), partitions=2, retention=None)
    rows = folder / "twin.csv"
    write(synthesize(20_000, 3), rows)
    pace = ("--data", str(rows), "--rate", RATE, "--loop")
    try:
        with (
            deployed(
                settings,
                topics,
                folder=folder,
                program=program,
                options=["--grace", "0.5"],
                configuration=_every_second(folder / "every second"),
            ) as running,
            replaying(settings, topics, folder, *pace),
        ):
            _wait_for_series(running.prometheus, settings, topics)
            yield running
    finally:
        delete_topics(settings, topics.all())


def _every_second(folder: Path) -> Path:
    """Write the configuration of deploy/ with 1 s in place of 5 s and 30 s intervals."""
    shutil.copytree(DEPLOY / "prometheus", folder)
    for file in folder.rglob("*.yml"):
        file.write_text(_INTERVAL.sub(r"\1: 1s", file.read_text()))
    return folder


def _wait_for_series(prometheus: Prometheus, settings: KafkaSettings, topics: Topics) -> None:
    awaited = {"fraud_score_drift_psi", *(rule["record"] for rule in rules("record"))}
    deadline = time.monotonic() + PATIENCE
    while silent := sorted(name for name in awaited if not _has_number(prometheus, name)):
        assert time.monotonic() < deadline, f"no number for {silent}"
        with producing(settings) as producer:
            producer.produce(topics.transactions, value=b"unreadable")
        time.sleep(0.5)


def _has_number(prometheus: Prometheus, name: str) -> bool:
    try:
        return is_finite(prometheus.now(name))
    except BenchmarkError:  # Prometheus has not opened its port yet
        return False
