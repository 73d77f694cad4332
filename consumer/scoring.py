"""Scores of a batch: its first rows are scored while its last ones are still being decoded."""

from concurrent.futures import Executor, Future
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Scorer(Protocol):
    """What the loop asks of a model."""

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores, float32 [n], of features, float32 [n, 30], n from 0 up."""


class Scoring:
    """The scores of one batch, which grows while it is being scored.

    A network computes outside of Python's lock, so that a thread beside the loop's costs the loop
    nothing where there is a second core. A batch that never gets as far as to fill a part is
    scored in the loop's own thread: handing it over would only delay its alerts.

    Args:
        scorer: the model.
        thread: where parts are scored, one after the other.
    """

    def __init__(self, scorer: Scorer, thread: Executor) -> None:
        self._scorer = scorer
        self._thread = thread
        self._parts: list[Future[NDArray[np.float32]]] = []
        self._rows = 0

    def begin(self, features: NDArray[np.float32]) -> None:
        """Begin to score the next rows of the batch, float32 [n, 30]; does not wait."""
        self._parts.append(self._thread.submit(self._scorer, features))
        self._rows += len(features)

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Wait for the scores, float32 [n], of all of the batch's features, float32 [n, 30]."""
        rest = self._scorer(features[self._rows :])
        return np.concatenate([*(part.result() for part in self._parts), rest])
