"""The process under test: the detector's own service with two hooks.

Only the arguments differ from production: `hook` kills or stops the process at a step of a
commit on request, `wall` adds an offset to the clock, and the journal is on. `python -m
tests.chaos.detector --help` lists the options.
"""

import argparse
import logging
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.detector.service import Model, run_detector
from errors import FraudstreamError
from events.messages import FEATURES
from events.topics import Topics
from fraudstream.main import INTERRUPTED
from fraudstream.stopping import stop_on_signals
from kafkaio.settings import LIBRDKAFKA_LOGGER, KafkaSettings
from model.drift_baseline import DriftBaseline
from tests.chaos.self_signal import SelfSignalHook
from tests.support.detector import OPTIONS

# Outages last 5 to 60 s: the detector waits most of them out, and the long ones end the process,
# which is restarted. So both paths are tested.
BROKER_TIMEOUT = 30.0


class ArtifactGoneError(FraudstreamError):
    """The artifact is missing."""


class KnownArtifact(msgspec.Struct, frozen=True):
    """A file in place of an artifact."""

    threshold: float = 0.5
    model_version: str = "known-1"
    model_sha256: str = "0" * 64
    reference: DriftBaseline | None = None
    feature_names: tuple[str, ...] = FEATURES


class KnownModel:
    """A model whose score is V1."""

    runtime = "python"
    backend = "numpy"
    device = "cpu"

    def __init__(self, path: Path) -> None:
        try:
            self.metadata = msgspec.json.decode(path.read_bytes(), type=KnownArtifact)
        except FileNotFoundError:
            raise ArtifactGoneError(f"There is no artifact at {path}: put it back.") from None

    def warm_up(self) -> None:
        """Nothing to compile."""

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return features[:, 1]


def load_model(network: str, artifact: Path) -> Model:
    """Load the model in the artifact.

    Raises:
        ArtifactGoneError: if it is missing (`model.errors.ArtifactError` for a network).
    """
    if network == "known":
        return KnownModel(artifact)
    from model.serving.scorer import Scorer

    return Scorer.load(artifact, device="cpu", batch_maximum=512)


def shifted(path: Path) -> float:
    """Return the wall clock's time plus the number of seconds in the file."""
    try:
        return time.time() + float(path.read_text() or 0)
    except FileNotFoundError:
        return time.time()


def main() -> int:
    """Run until SIGTERM; return the exit code that the `fraudstream` command would have."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.detector", description=__doc__)
    for option in ("--broker", "--prefix", "--group", "--delivery", "--network"):
        parser.add_argument(option, required=True)
    for option in ("--artifact", "--self-signals", "--clock"):
        parser.add_argument(option, required=True, type=Path)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--protocol", required=True, choices=["classic", "consumer"])
    options = parser.parse_args()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger(LIBRDKAFKA_LOGGER).setLevel(logging.CRITICAL)
    try:
        run_detector(
            KafkaSettings(options.broker, {"group.protocol": options.protocol}),
            Topics(options.prefix),
            replace(
                OPTIONS,
                group=options.group,
                delivery=options.delivery,
                metrics_port=options.port,
                broker_timeout=BROKER_TIMEOUT,
                journal=True,
            ),
            lambda: load_model(options.network, options.artifact),
            stopped=stop_on_signals().is_set,
            registry=CollectorRegistry(),
            hook=SelfSignalHook(options.self_signals).hook,
            wall=lambda: shifted(options.clock),
        )
    except KeyboardInterrupt:  # a second SIGTERM, while a commit hangs
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except FraudstreamError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
