"""The comparison of runtimes, with functions whose cost is known."""

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.models.runtimes import RowCosts, measure


def test_one_slow_round_does_not_change_the_cost() -> None:
    assert str(RowCosts([1200.0, 1300.0, 9e6], [2000.0, 2100.4, 5e6])) == "1,300 (2,100)"


def test_waiting_takes_time_and_no_processor() -> None:
    seen: list[int] = []

    def wait(features: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(len(features))
        time.sleep(0.001)
        return features[:, 0]

    costs = measure({"waiting": wait, "nothing": lambda features: features[:, 0]}, 8192, 3)
    assert seen == [8192] * 3 * (1 + 2)  # one call to warm up, and two that are timed
    assert min(costs["waiting"].elapsed) >= 1e6 / 8192
    assert all(map(float.__gt__, costs["waiting"].elapsed, costs["waiting"].computed))
    assert len(costs["nothing"].elapsed) == len(costs["nothing"].computed) == 3
