"""The process under test: the detector's own service, with a hand on its clock and its life.

What is special about it is only what is passed in: `hook` looks for an order to end or to stop
at a step of a commit, `wall` adds what the clock file says, and the journal is on. `python -m
tests.chaos.detector --help` lists what it takes.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from consumer.commit.sink import CommitStep
from consumer.detector.service import Model, run_detector
from events.messages import FEATURES
from events.topics import Topics
from fraudstream.main import INTERRUPTED
from fraudstream.stopping import stop_on_signals
from kafkaio.settings import LIBRDKAFKA_LOGGER, KafkaSettings
from model.drift_baseline import DriftBaseline
from tests.support.detector import OPTIONS

# Outages are 5 to 60 s: most are waited out, and the long ones end the process, which is started
# anew; so both ways are gone.
BROKER_TIMEOUT = 30.0


class ArtifactGoneError(Exception):
    """There is no artifact where one should be."""

    exit_code = 2


class KnownArtifact(msgspec.Struct, frozen=True):
    """The file that stands for an artifact."""

    threshold: float = 0.5
    model_version: str = "known-1"
    model_sha256: str = "0" * 64
    reference: DriftBaseline | None = None
    feature_names: tuple[str, ...] = FEATURES


class KnownModel:
    """V1 is the score."""

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


class Order(msgspec.Struct, frozen=True):
    """An order to this process, against itself.

    Attributes:
        number: by which it is told from others.
        signal: SIGKILL or SIGSTOP.
        step: where in a commit.
        visit: at which visit of that step, from 1.
        delay: seconds after it, so that the signal comes while Kafka is being asked.
    """

    number: int
    signal: int
    step: CommitStep
    visit: int
    delay: float = 0.0


class Orders:
    """Looks for an order in a file, and carries it out; the file is renamed just before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._order: Order | None = None
        self._visits = 0

    def hook(self, step: CommitStep) -> None:
        """Hear of a step: `consumer.commit.sink.CommitHook`."""
        if self._order is None:
            self._take()
        if self._order is None or step is not self._order.step:
            return
        self._visits += 1
        if self._visits == self._order.visit:
            order, self._order = self._order, None
            self._strike(order)

    def _take(self) -> None:
        try:
            self._order = msgspec.json.decode(self._path.read_bytes(), type=Order)
        except FileNotFoundError:
            return
        self._visits = 0

    def _strike(self, order: Order) -> None:
        self._path.rename(self._path.with_suffix(f".struck-{order.number}"))
        logging.getLogger(__name__).info(
            "Ordered: %s at %s.", signal.Signals(order.signal).name, order.step
        )
        if order.delay:
            threading.Timer(order.delay, os.kill, (os.getpid(), order.signal)).start()
        else:
            os.kill(os.getpid(), order.signal)


def load_model(network: str, artifact: Path) -> Model:
    """Return the model in the artifact.

    Raises:
        ArtifactGoneError: if it is not there (`model.errors.ArtifactError` for a network).
    """
    if network == "known":
        return KnownModel(artifact)
    from model.serving.scorer import Scorer

    return Scorer.load(artifact, device="cpu", batch_maximum=512)


def shifted(path: Path) -> float:
    """Return the wall clock, plus the seconds that the file names."""
    try:
        return time.time() + float(path.read_text() or 0)
    except FileNotFoundError:
        return time.time()


def main() -> int:
    """Run until SIGTERM; return the exit code, as the `fraudstream` command does."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.detector", description=__doc__)
    for option in ("--broker", "--prefix", "--group", "--delivery", "--network"):
        parser.add_argument(option, required=True)
    for option in ("--artifact", "--orders", "--clock"):
        parser.add_argument(option, required=True, type=Path)
    parser.add_argument("--port", required=True, type=int)
    asked = parser.parse_args()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger(LIBRDKAFKA_LOGGER).setLevel(logging.CRITICAL)
    try:
        run_detector(
            KafkaSettings(asked.broker),
            Topics(asked.prefix),
            replace(
                OPTIONS,
                group=asked.group,
                delivery=asked.delivery,
                metrics_port=asked.port,
                broker_timeout=BROKER_TIMEOUT,
                journal=True,
            ),
            lambda: load_model(asked.network, asked.artifact),
            stopped=stop_on_signals().is_set,
            registry=CollectorRegistry(),
            hook=Orders(asked.orders).hook,
            wall=lambda: shifted(asked.clock),
        )
    except KeyboardInterrupt:  # told to end a second time, in a commit that hangs
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        code: Any = getattr(error, "exit_code", None)
        if code is None:
            raise
        print(f"Error: {error}", file=sys.stderr)
        return int(code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
