"""A detector and a quality monitor at work, and a Prometheus that scrapes them as deploy/ says."""

import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.errors import BenchmarkError
from benchmarks.prometheus import Prometheus, Series
from broker.node import free_port
from broker.topics import create_topics, delete_topics
from dataset.twin import synthesize
from dataset.writer import write
from events.settings import KafkaSettings
from events.topics import Topics
from fraudstream.demo.artifact import cached_artifact, train_artifact
from tests.integration.detecting import producing
from tests.integration.following import Command

DEPLOY = Path(__file__).resolve().parent.parent.parent.parent / "deploy"
PATIENCE = 150.0  # seconds from the first record to the last recorded series


@dataclass(frozen=True)
class Watched:
    """What runs: Prometheus, and where the two services say how they are."""

    prometheus: Prometheus
    pages: tuple[str, ...]


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
    return set(re.findall(r"\b(?:job:[\w:]+|fraud_\w+|up)\b", expression))


@contextmanager
def watched(settings: KafkaSettings, folder: Path, program: Path) -> Iterator[Watched]:
    """Run all of it until the block ends; it begins when every recorded series has a number."""
    artifact = cached_artifact()
    if not artifact.exists():
        train_artifact(artifact)
    topics = Topics(f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(settings.client(), topics.all(), partitions=2, retention=None)
    pages = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    kafka = ("--broker", settings.broker, "--topic-prefix", topics.prefix)
    with ExitStack() as stack:
        stack.callback(delete_topics, settings.client(), topics.all())

        def start(*arguments: str) -> Command:
            command = Command(folder, *arguments, *kafka)
            stack.callback(command.kill)
            return command

        detector = start("detect", "--model", str(artifact), "--metrics", pages[0])
        start("quality", "--json", "--grace", "0.5", "--metrics", pages[1])
        url = stack.enter_context(_scraping(folder, program, *pages))
        detector.says("Assigned")
        rows = folder / "twin.csv"
        write(synthesize(20_000, 3), rows)
        start("replay", "--data", str(rows), "--rate", "400", "--loop")
        prometheus = Prometheus(url)
        deadline = time.monotonic() + PATIENCE
        while silent := [rule for rule in _recorded() if not _told(prometheus, rule)]:
            assert time.monotonic() < deadline, f"no number for {silent}"
            with producing(settings) as producer:
                producer.produce(topics.transactions, value=b"unreadable")
            time.sleep(1)
        yield Watched(prometheus, tuple(f"http://{page}/metrics" for page in pages))


def _recorded() -> list[str]:
    return sorted({rule["record"] for rule in rules("record")})


def _told(prometheus: Prometheus, name: str) -> bool:
    try:
        return finite(prometheus.now(name))
    except BenchmarkError:  # it has not opened its port yet
        return False


@contextmanager
def _scraping(folder: Path, program: Path, detector: str, quality: str) -> Iterator[str]:
    """Give the URL of a Prometheus of deploy/, with targets of our own."""
    configuration = folder / "prometheus"
    shutil.copytree(DEPLOY / "prometheus", configuration)
    for job, target in (("detector", detector), ("quality", quality)):
        targets = configuration / "targets" / f"{job}.yml"
        targets.write_text(yaml.safe_dump([{"targets": [target]}]))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={configuration / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'series'}",
                f"--web.listen-address={address}",
            ],
            stderr=log,
        )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()
