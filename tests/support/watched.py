"""The services at work, scraped as deploy/ says, until every recorded series has a number."""

import re
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


def finite(found: list[Series]) -> bool:
    """Say whether there is a number among what was found."""
    return any(np.isfinite(series.values).any() for series in found)


def rules(kind: str) -> list[dict[str, Any]]:
    """Return the rules of deploy/ that have this key: "record" or "alert"."""
    files = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def metrics(expression: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    return set(re.findall(r"\b(?:job:[\w:]+|fraud_\w+|process_\w+|up)\b", expression))


@contextmanager
def watched(settings: KafkaSettings, folder: Path, program: Path) -> Iterator[Deployed]:
    """Run all of it until the block ends; it begins when every recorded series has a number."""
    topics = Topics(f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(settings, topics.all(), partitions=2, retention=None)
    rows = folder / "twin.csv"
    write(synthesize(20_000, 3), rows)
    pace = ("--data", str(rows), "--rate", "400", "--loop")
    try:
        with (
            deployed(
                settings, topics, folder=folder, program=program, options=["--grace", "0.5"]
            ) as running,
            replaying(settings, topics, folder, *pace),
        ):
            deadline = time.monotonic() + PATIENCE
            while silent := [name for name in _awaited() if not _told(running.prometheus, name)]:
                assert time.monotonic() < deadline, f"no number for {silent}"
                with producing(settings) as producer:
                    producer.produce(topics.transactions, value=b"unreadable")
                time.sleep(1)
            yield running
    finally:
        delete_topics(settings, topics.all())


def _awaited() -> list[str]:
    """Return what is recorded; and drift, which is told from 7,000 transactions on."""
    return sorted({"fraud_score_drift_psi", *(rule["record"] for rule in rules("record"))})


def _told(prometheus: Prometheus, name: str) -> bool:
    try:
        return finite(prometheus.now(name))
    except BenchmarkError:  # it has not opened its port yet
        return False
