"""Score transactions with a saved network: the detector calls this for each micro-batch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.artifact.load import check_scores, load_graph, load_metadata, load_network
from model.artifact.metadata import Metadata
from model.errors import CpuOnlyError
from model.serving.backend import (
    BATCH_ROWS,
    Device,
    ScoreFunction,
    compiled,
    import_keras,
    score_in_batches,
    use_device,
)
from model.serving.runtime import Runtime, RuntimeChoice, choose_runtime


@dataclass(frozen=True, slots=True)
class Scorer:
    """A loaded and checked network, ready to compute. Call it with raw features.

    Attributes:
        metadata: of the artifact, with the threshold at which transactions are flagged.
        runtime: "keras", or "onnx" for the network's ONNX graph.
        backend: "onnxruntime", or Keras's: "tensorflow", or the one that KERAS_BACKEND selects.
        device: "cpu", or "gpu" with the card's name: "gpu (NVIDIA H200)".
        batch_maximum: the most rows that `warm_up` prepares for.
    """

    metadata: Metadata
    runtime: Runtime
    backend: str
    device: str
    batch_maximum: int
    _score: ScoreFunction

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        runtime: RuntimeChoice = "auto",
        device: Device = "auto",
        batch_maximum: int = BATCH_ROWS,
    ) -> "Scorer":
        """Load an artifact; check its checksum, its features and the scores of its sample.

        Args:
            folder: of the artifact.
            runtime: what computes the scores; see `choose_runtime`.
            device: where. ONNX graphs are computed on the CPU.
            batch_maximum: the most rows that `warm_up` prepares for.

        Raises:
            ArtifactError: the artifact is missing, incomplete or changed, or does not match.
            DeviceError: the network cannot run on the device.
            MissingExtraError: the runtime, or Keras's backend, is not installed.
        """
        metadata = load_metadata(folder)
        chosen = choose_runtime(runtime, device, has_graph=metadata.graph_sha256 is not None)
        if chosen == "onnx":
            if device == "gpu":
                raise CpuOnlyError("A GPU is required, but ONNX graphs are computed on the CPU.")
            backend, used, score = "onnxruntime", "cpu", load_graph(folder, metadata)
        else:
            used = use_device(device)
            backend = import_keras().backend.backend()
            score = compiled(load_network(folder, metadata))
        check_scores(folder, metadata, score)
        return cls(metadata, chosen, backend, used, batch_maximum, score)

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

        A row's score does not depend on the batch around it (to about 1e-6).
        """
        if not len(features):
            return np.zeros(0, np.float32)
        return self._score(features)

    def in_batches(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores, float32 [n], of many rows, `batch_maximum` at a time."""
        return score_in_batches(self._score, features, self.batch_maximum)
