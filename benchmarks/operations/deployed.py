"""Detector and quality monitor as users run them, scraped by the Prometheus of deploy/."""

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
from benchmarks.harness.programs import ROOT
from benchmarks.operations.prometheus import Prometheus
from broker.ports import free_port
from broker.process import start_tied
from events.topics import Topics
from fraudstream.demo.service_process import ServiceProcess
from kafkaio.settings import KafkaSettings

DEPLOY = ROOT / "deploy"

# Where `make test` unpacks Debian's package.
FETCHED = ROOT / ".cache" / "prometheus" / "usr" / "bin"

# Preferred ports; the next free ones are used.
METRICS_PORT, PROMETHEUS_PORT = 8400, 9490


def find(name: str) -> Path | None:
    """Return the path of `prometheus` or `promtool`: on the PATH, or downloaded by `make test`."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{FETCHED}")
    return None if path is None else Path(path)


@dataclass(frozen=True)
class Deployed:
    """The services, ready, and the Prometheus that scrapes them."""

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
    """Run services and Prometheus until the block ends.

    Args:
        settings: how to reach Kafka.
        topics: that exist.
        folder: for logs and Prometheus' data.
        program: path of Prometheus.
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
                "quality", [*arguments, *options], folder=folder, port=free_port(METRICS_PORT + 50)
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
        for service in (detector, quality):
            service.wait_until_ready()
        yield Deployed(detector, quality, Prometheus(url))


@contextmanager
def replaying(
    settings: KafkaSettings, topics: Topics, folder: Path, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `fraudstream replay` with these arguments; stop it with the block if it still runs."""
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
    """Run a Prometheus with this configuration and these targets, by job; yield its URL."""
    configuration = folder / "prometheus"
    shutil.copytree(original, configuration)
    for job, target in targets.items():
        path = configuration / "targets" / f"{job}.yml"
        path.write_text(json.dumps([{"targets": [target]}]))  # JSON is YAML too
    address = f"127.0.0.1:{free_port(PROMETHEUS_PORT)}"
    with (folder / "prometheus.log").open("wb") as log:
        # In production it has a machine of its own; here it yields to the services.
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
