"""Detector and quality monitor as users run them, scraped by a Prometheus as deploy/ says."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.detector import artifact, start_detector
from benchmarks.operations.prometheus import Prometheus
from benchmarks.peers.environments import ROOT
from broker.ports import free_port
from broker.process import start_tied
from events.topics import Topics
from fraudstream.demo.service_process import ServiceProcess
from kafkaio.settings import KafkaSettings

DEPLOY = ROOT / "deploy"

# Where `make test` unpacks Debian's package.
FETCHED = ROOT / ".cache" / "prometheus" / "usr" / "bin"

# The first that are looked at; the next free ones are taken.
METRICS_PORT, PROMETHEUS_PORT = 8400, 9490


def find(name: str) -> Path | None:
    """Return where `prometheus` or `promtool` lies: on the PATH, or fetched by `make test`."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{FETCHED}")
    return None if found is None else Path(found)


@dataclass(frozen=True)
class Deployed:
    """What runs: the services, ready, and what scrapes them."""

    detector: ServiceProcess
    quality: ServiceProcess
    prometheus: Prometheus


@contextmanager
def deployed(
    settings: KafkaSettings,
    topics: Topics,
    *,
    folder: Path,
    program: Path,
    options: Sequence[str] = (),
    configuration: Path = DEPLOY / "prometheus",
) -> Iterator[Deployed]:
    """Run all of it until the block ends.

    Args:
        settings: how to reach Kafka.
        topics: which are there.
        folder: for logs and Prometheus' data.
        program: Prometheus.
        options: of the quality monitor.
        configuration: Prometheus' folder, copied before targets are added.
    """
    with ExitStack() as stack:
        detector = stack.enter_context(
            start_detector(
                settings,
                artifact(),
                prefix=topics.prefix,
                group="fraudstream-detector",
                delivery="exactly-once",
                folder=folder,
                port=METRICS_PORT,
            )
        )
        arguments = ["--broker", settings.broker, "--topic-prefix", topics.prefix, "--json"]
        quality = stack.enter_context(
            ServiceProcess(
                "quality", [*arguments, *options], folder=folder, preferred_port=METRICS_PORT + 50
            )
        )
        url = stack.enter_context(
            _scraping(
                folder,
                program,
                configuration,
                {"detector": detector.metrics, "quality": quality.metrics},
            )
        )
        for part in (detector, quality):
            part.wait_until_ready()
        yield Deployed(detector, quality, Prometheus(url))


@contextmanager
def replaying(
    settings: KafkaSettings, topics: Topics, folder: Path, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `fraudstream replay` with these arguments; end it with the block, should it still run."""
    kafka = ("--broker", settings.broker, "--topic-prefix", topics.prefix)
    command = [sys.executable, "-m", "fraudstream", "replay", *arguments, *kafka]
    with (folder / "replay.log").open("wb") as log:
        process = start_tied(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _scraping(
    folder: Path, program: Path, original: Path, targets: dict[str, str]
) -> Iterator[str]:
    """Give the URL of a Prometheus of deploy/, with targets of our own, by their job."""
    configuration = folder / "prometheus"
    shutil.copytree(original, configuration)
    for job, target in targets.items():
        path = configuration / "targets" / f"{job}.yml"
        path.write_text(json.dumps([{"targets": [target]}]))  # which is YAML too
    address = f"127.0.0.1:{free_port(PROMETHEUS_PORT)}"
    with (folder / "prometheus.log").open("wb") as log:
        # Elsewhere it would have a machine of its own; here it gives way to what it watches.
        process = start_tied(
            [
                *("nice", "-n", "10"),
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
