"""Scores of a batch: its first rows are scored while its last ones are still being decoded."""

from concurrent.futures import Executor, Future
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.detector.decode import READY_ROWS


class Scorer(Protocol):
    """What the loop asks of a model."""

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores, float32 [n], of features, float32 [n, 30], n from 0 up."""


class Scoring:
    """The scores of one batch, which grows while it is being scored.

    A network computes outside of Python's lock, so that a thread beside the loop's costs the loop
    next to nothing where there is a second core. A batch too small for a part is scored in the
    loop's own thread: handing it over would only delay its alerts.

    Args:
        scorer: the model; two threads may call it at the same time.
        thread: where parts are scored, one after the other.
    """

    def __init__(self, scorer: Scorer, thread: Executor) -> None:
        self._scorer = scorer
        self._thread = thread
        self._parts: list[tuple[int, Future[NDArray[np.float32]]]] = []  # with its first row
        self._rows = 0

    def begin(self, features: NDArray[np.float32]) -> None:
        """Begin to score the next rows of the batch, float32 [n, 30]; does not wait."""
        self._parts.append((self._rows, self._thread.submit(self._scorer, features)))
        self._rows += len(features)

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores, float32 [n], of all of the batch's features, float32 [n, 30].

        Parts that were not begun yet are taken back, since this thread has nothing else to do now.
        """
        while self._parts and self._parts[-1][1].cancel():
            self._rows, _ = self._parts.pop()
        # `or 1`: a batch without a row is one call without a row.
        rest = [
            self._scorer(features[at : at + READY_ROWS])
            for at in range(self._rows, len(features) or 1, READY_ROWS)
        ]
        return np.concatenate([*(part.result() for _, part in self._parts), *rest])
