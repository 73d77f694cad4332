"""Scoring a batch: its first chunks are scored while its last ones are still being decoded."""

from concurrent.futures import Executor, Future
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.commit.watchdog import Watch
from consumer.detector.decode import CHUNK_RECORDS
from consumer.errors import ScoreNotFiniteError


class ScoreRows(Protocol):
    """The model, as the loop calls it."""

    def __call__(self, features: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the scores, float32 [n], of features, float32 [n, 30], n from 0 up."""


class WatchedModel:
    """A model whose calls are watched: one on a GPU that hangs never returns.

    Args:
        score: the model.
        watch: watches a call.
    """

    def __init__(self, score: ScoreRows, watch: Watch) -> None:
        self._score = score
        self._watch = watch

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores; see `ScoreRows`."""
        with self._watch(f"Scoring {len(features):,} transactions"):
            return self._score(features)


class ScoringPipeline:
    """Scores the chunks of one batch, in a thread beside the loop where there are several.

    A network computes without holding the GIL, so a second thread costs the loop next to nothing
    where there is a second core. The last chunk is scored by the loop itself, which has nothing
    else to do by then: handing over the only chunk of a small batch would just delay its alerts.

    Args:
        score: the model; both threads may call it at the same time.
        executor: runs one chunk after the other.
    """

    def __init__(self, score: ScoreRows, executor: Executor) -> None:
        self._score = score
        self._executor = executor
        self._chunks: list[tuple[NDArray[np.float32], Future[NDArray[np.float32]] | None]] = []

    def submit(self, features: NDArray[np.float32]) -> None:
        """Add the next rows of the batch, float32 [n, 30]; does not wait for their scores."""
        full = len(features) > CHUNK_RECORDS // 2
        future = self._executor.submit(self._score, features) if full else None
        self._chunks.append((features, future))

    def results(self) -> NDArray[np.float32]:
        """Wait for and return the scores of all rows, float32 [n], in the order of submission.

        Chunks that the thread has not begun are taken back and scored here, the last ones first.

        Raises:
            ScoreNotFiniteError: if a score is not a number: it would pass as legitimate.
        """
        scores = [
            self._score(features) if future is None or future.cancel() else future
            for features, future in reversed(self._chunks)
        ]
        result = np.concatenate(
            [part.result() if isinstance(part, Future) else part for part in reversed(scores)]
        )
        wrong = len(result) - np.count_nonzero(np.isfinite(result))
        if wrong:
            raise ScoreNotFiniteError(
                f"The model returned {wrong:,} of {len(result):,} scores that are not finite "
                "numbers, so it cannot be trusted; nothing of this batch is committed."
            )
        return result
