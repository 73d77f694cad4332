"""The job of a peer: where its transactions are, where its alerts go, and the model.

This module needs no more than onnxruntime, numpy and msgspec in a peer's environment.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from model.artifact.files import NETWORK
from model.serving.scorer import Scorer

BATCH = 4096

# As in the detector, for every peer that passes settings on to librdkafka: by default it pauses for
# a second when its queue is full.
CONSUMER_SETTINGS = {"fetch.queue.backoff.ms": 20}


@dataclass(frozen=True, slots=True)
class Job:
    """The work, as a program's arguments, in this order.

    Attributes:
        broker: "HOST:PORT".
        transactions: topic to read from its beginning, JSON as `fraudstream replay` writes it.
        alerts: topic for the alerts: key and `transaction_id` of the transaction, and its `score`.
        artifact: folder of the model.
        group: consumer group of this run.
        folder: for the peer's state, such as checkpoints; empty.
    """

    broker: str
    transactions: str
    alerts: str
    artifact: Path
    group: str
    folder: Path

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Self:
        """Return the job that these arguments of a command line describe."""
        broker, transactions, alerts, artifact, group, folder = arguments
        return cls(broker, transactions, alerts, Path(artifact), group, Path(folder))

    @classmethod
    def of_this_program(cls) -> Self:
        """Return the job of this program's command line."""
        return cls.of(sys.argv[1:])

    def arguments(self) -> list[str]:
        """Return the command line's arguments."""
        return [
            self.broker,
            self.transactions,
            self.alerts,
            str(self.artifact),
            self.group,
            str(self.folder),
        ]

    @property
    def network(self) -> Path:
        """The file of the Keras network."""
        return self.artifact / NETWORK

    def scorer(self, batch_maximum: int = BATCH) -> Scorer:
        """Return our own scorer, loaded and warm, so that no peer has a slower model call."""
        scorer = Scorer.load(
            self.artifact, runtime="onnx", device="cpu", batch_maximum=batch_maximum
        )
        scorer.warm_up()
        return scorer
