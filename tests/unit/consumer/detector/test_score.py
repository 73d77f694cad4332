"""Parts of a batch are scored beside its decoding, and come back in their order."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread, main_thread

import numpy as np
import pytest
from numpy.typing import NDArray

from consumer.detector.decode import READY_ROWS
from consumer.detector.score import Scoring

ROWS = np.arange(300, dtype=np.float32).reshape(10, 30)


def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return features[:, 0]


@pytest.mark.parametrize("cuts", [[], [4], [4, 8], [4, 10]])
def test_scores_stand_in_the_order_of_rows(cuts: list[int]) -> None:
    with ThreadPoolExecutor(1) as thread:
        scoring = Scoring(score, thread)
        for begin, end in zip([0, *cuts], cuts, strict=False):
            scoring.begin(ROWS[begin:end])
        assert scoring.scores(ROWS).tolist() == ROWS[:, 0].tolist()


def test_the_network_is_never_given_more_than_a_part() -> None:
    sizes = []

    def noting(features: NDArray[np.float32]) -> NDArray[np.float32]:
        sizes.append(len(features))
        return score(features)

    rows = np.zeros((2 * READY_ROWS + 3, 30), np.float32)
    rows[:, 0] = np.arange(len(rows))
    with ThreadPoolExecutor(1) as thread:
        assert Scoring(noting, thread).scores(rows).tolist() == rows[:, 0].tolist()
    assert sizes == [READY_ROWS, READY_ROWS, 3]


def test_a_batch_without_rows_has_no_scores() -> None:
    with ThreadPoolExecutor(1) as thread:
        assert Scoring(score, thread).scores(ROWS[:0]).tolist() == []


def test_a_part_is_scored_while_its_giver_goes_on() -> None:
    begun, decoded = Event(), Event()

    def waiting(features: NDArray[np.float32]) -> NDArray[np.float32]:
        if current_thread() is not main_thread():
            begun.set()
            assert decoded.wait(30)
        return score(features)

    with ThreadPoolExecutor(1) as thread:
        scoring = Scoring(waiting, thread)
        scoring.begin(ROWS[:4])
        assert begun.wait(30)
        decoded.set()
        assert scoring.scores(ROWS).tolist() == ROWS[:, 0].tolist()


def test_a_batch_without_parts_is_scored_in_its_own_thread() -> None:
    threads = []

    def noting(features: NDArray[np.float32]) -> NDArray[np.float32]:
        threads.append(current_thread())
        return score(features)

    with ThreadPoolExecutor(1) as thread:
        Scoring(noting, thread).scores(ROWS)
    assert threads == [main_thread()]


def test_parts_that_are_not_begun_are_taken_back() -> None:
    begun, scored = Event(), Event()
    here = []

    def slow(features: NDArray[np.float32]) -> NDArray[np.float32]:
        if current_thread() is main_thread():
            here.append(len(features))
            scored.set()
        else:
            begun.set()
            assert scored.wait(30)
        return score(features)

    with ThreadPoolExecutor(1) as thread:
        scoring = Scoring(slow, thread)
        scoring.begin(ROWS[:4])
        assert begun.wait(30)
        scoring.begin(ROWS[4:7])
        scoring.begin(ROWS[7:9])
        assert scoring.scores(ROWS).tolist() == ROWS[:, 0].tolist()
    assert here == [6]


def test_what_fails_in_a_part_fails_the_batch() -> None:
    begun = Event()

    def failing(features: NDArray[np.float32]) -> NDArray[np.float32]:
        if current_thread() is main_thread():
            return score(features)
        begun.set()
        raise RuntimeError("the card is gone")

    with ThreadPoolExecutor(1) as thread:
        scoring = Scoring(failing, thread)
        scoring.begin(ROWS[:4])
        assert begun.wait(30)
        with pytest.raises(RuntimeError, match="the card is gone"):
            scoring.scores(ROWS)
