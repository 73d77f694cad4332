"""The detector that is measured: `fraudstream detect` as a user starts it, on the demo's model."""

import sys
from collections.abc import Sequence
from pathlib import Path

from broker.ports import free_port
from fraudstream.demo.artifact import cached_artifact, ensure_artifact
from fraudstream.demo.service_process import ServiceProcess
from kafkaio.settings import KafkaSettings

# As `fraudstream topics create` makes them.
PARTITIONS = 4


def artifact() -> Path:
    """Return the folder of the demo's model, training it if need be (half a minute)."""
    folder = cached_artifact()
    ensure_artifact(
        folder, lambda _sentence: print("Training the model (first time only) ...", file=sys.stderr)
    )
    return folder


def start_detector(
    settings: KafkaSettings,
    model: Path,
    *,
    prefix: str,
    group: str,
    delivery: str,
    folder: Path,
    port: int,
    options: Sequence[str] = (),
) -> ServiceProcess:
    """Start a detector; it is not ready yet.

    Args:
        settings: how to reach Kafka.
        model: folder of the artifact.
        prefix: of the topics that it reads and writes.
        group: consumer group to join; a new one starts at the topic's first record.
        delivery: "exactly-once" or "at-least-once".
        folder: for its log; created if it does not exist.
        port: for its metrics, or the next free one.
        options: further options of the command line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {
        "--broker": settings.broker,
        "--topic-prefix": prefix,
        "--group": group,
        "--model": str(model),
        "--delivery": delivery,
    }
    arguments = [text for pair in chosen.items() for text in pair]
    return ServiceProcess("detect", [*arguments, *options], folder=folder, port=free_port(port))
