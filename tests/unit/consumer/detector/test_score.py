"""The chunks of a batch are scored beside its decoding, and their scores keep the order."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread, main_thread

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.commit.watchdog import Watchdog
from consumer.detector.decode import CHUNK_RECORDS
from consumer.detector.score import ScoringPipeline, WatchedModel
from tests.support.clock import ManualClock

FULL = CHUNK_RECORDS
"""Rows of a chunk that is worth handing over to the thread."""

TIMEOUT = 60


def rows(count: int) -> NDArray[np.float32]:
    """Return so many rows whose first column counts them."""
    features = np.zeros((count, 30), np.float32)
    features[:, 0] = np.arange(count)
    return features


def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return features[:, 0]


@pytest.mark.parametrize("sizes", [[10], [FULL], [FULL, 4], [FULL, FULL, FULL], [3, FULL, 5], [0]])
def test_scores_keep_the_order_of_rows(sizes: list[int]) -> None:
    features = rows(sum(sizes))
    with ThreadPoolExecutor(1) as executor:
        pipeline = ScoringPipeline(score, executor)
        for chunk in np.split(features, np.cumsum(sizes)[:-1]):
            pipeline.submit(chunk)
        assert pipeline.results().tolist() == features[:, 0].tolist()


def test_a_full_chunk_is_scored_while_the_loop_continues() -> None:
    begun, decoded = Event(), Event()

    def waiting(features: NDArray[np.float32]) -> NDArray[np.float32]:
        if current_thread() is not main_thread():
            begun.set()
            assert decoded.wait(TIMEOUT)
        return score(features)

    with ThreadPoolExecutor(1) as executor:
        pipeline = ScoringPipeline(waiting, executor)
        pipeline.submit(rows(FULL))
        assert begun.wait(TIMEOUT)
        decoded.set()
        pipeline.submit(rows(3))
        assert len(pipeline.results()) == FULL + 3


def test_a_small_batch_is_scored_by_the_loop_itself() -> None:
    threads = []

    def recording(features: NDArray[np.float32]) -> NDArray[np.float32]:
        threads.append(current_thread())
        return score(features)

    with ThreadPoolExecutor(1) as executor:
        pipeline = ScoringPipeline(recording, executor)
        pipeline.submit(rows(10))
        pipeline.results()
    assert threads == [main_thread()]


def test_chunks_that_are_not_begun_are_taken_back() -> None:
    begun, scored = Event(), Event()
    here = []

    def slow(features: NDArray[np.float32]) -> NDArray[np.float32]:
        if current_thread() is main_thread():
            here.append(len(features))
            if len(here) == 2:
                scored.set()
        else:
            begun.set()
            assert scored.wait(TIMEOUT)
        return score(features)

    with ThreadPoolExecutor(1) as executor:
        pipeline = ScoringPipeline(slow, executor)
        pipeline.submit(rows(FULL))
        assert begun.wait(TIMEOUT)
        pipeline.submit(rows(FULL))
        pipeline.submit(rows(FULL - 1))
        assert len(pipeline.results()) == 3 * FULL - 1
    assert here == [FULL - 1, FULL]


def test_a_failure_in_the_thread_fails_the_batch() -> None:
    begun = Event()

    def failing(features: NDArray[np.float32]) -> NDArray[np.float32]:
        if current_thread() is main_thread():
            return score(features)
        begun.set()
        raise RuntimeError("the card is gone")

    with ThreadPoolExecutor(1) as executor:
        pipeline = ScoringPipeline(failing, executor)
        pipeline.submit(rows(FULL))
        assert begun.wait(TIMEOUT)
        with pytest.raises(RuntimeError, match="the card is gone"):
            pipeline.results()


def test_a_model_that_hangs_is_reported_in_both_threads() -> None:
    clock, messages = ManualClock(), list[str]()
    watchdog = Watchdog(5.0, end=messages.append, monotonic=clock)

    def hanging(features: NDArray[np.float32]) -> NDArray[np.float32]:
        clock.now += 6.0
        watchdog.check()
        return score(features)

    with ThreadPoolExecutor(1) as executor:
        pipeline = ScoringPipeline(WatchedModel(hanging, watchdog.watching), executor)
        pipeline.submit(rows(FULL))
        pipeline.submit(rows(3))
        pipeline.results()
    assert {message.split(" has")[0] for message in messages} == {
        "Scoring 2,048 transactions",
        "Scoring 3 transactions",
    }
