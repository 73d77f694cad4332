"""Score transactions with a saved network: what the detector calls for each micro-batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.artifact.metadata import Metadata
from model.artifact.save import check_scores, load_metadata, load_network
from model.serving.backend import Device, Score, compiled, import_keras, use_device

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Scorer:
    """A loaded, checked and compiled network. Call it with raw features.

    Attributes:
        metadata: what the artifact says of itself; its threshold says what is flagged.
        backend: "tensorflow", or whatever KERAS_BACKEND names.
        device: "cpu", or "gpu" with the card's name: "gpu (NVIDIA H200)".
        batch_maximum: the most rows that `warm_up` prepares for.
    """

    metadata: Metadata
    backend: str
    device: str
    batch_maximum: int
    _score: Score

    @classmethod
    def load(
        cls, folder: Path, *, device: Device = "auto", batch_maximum: int = 16_384
    ) -> "Scorer":
        """Return the scorer of an artifact, its checksum, features and sample scores checked.

        Raises:
            ArtifactError: the artifact is missing, incomplete, changed, or does not match.
            DeviceError: "gpu" was asked for and there is none.
            MissingExtraError: Keras or its backend is not installed.
        """
        metadata = load_metadata(folder)
        used = use_device(device)
        score = compiled(load_network(folder, metadata))
        check_scores(folder, metadata, score)
        return cls(metadata, import_keras().backend.backend(), used, batch_maximum, score)

    def warm_up(self) -> None:
        """Score a batch of each power of two up to the maximum, so that no first call is slow."""
        width = len(self.metadata.feature_names)
        rows = 1
        while rows < self.batch_maximum:
            self._score(np.zeros((rows, width), np.float32))
            rows *= 2
        self._score(np.zeros((self.batch_maximum, width), np.float32))

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores, float32 [n], of raw features, float32 [n, 30], n from 0 up.

        A row's score does not depend on the batch it came in (to about 1e-6).
        """
        if not len(features):
            return np.zeros(0, np.float32)
        return self._score(features)

    def in_batches(self, frame: "pd.DataFrame") -> NDArray[np.float32]:
        """Return the scores, float32 [n], of a frame's rows, `batch_maximum` at a time."""
        features = frame[list(self.metadata.feature_names)].to_numpy(np.float32)
        parts = range(0, len(features), self.batch_maximum)
        return np.concatenate([self(features[at : at + self.batch_maximum]) for at in parts])
