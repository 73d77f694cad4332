import pandas as pd
import pytest

from events.messages import FEATURES


class ManualClock:
    """A clock that advances only when something sleeps or a test changes it."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return 1_700_000_000.0 + self.seconds

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def frame() -> pd.DataFrame:
    """Ten rows at 0, 10, ... 90 s with V1 from 0 to 9; the fourth is a fraud."""
    columns = {name: [0.5] * 10 for name in FEATURES}
    columns["Time"] = [10.0 * row for row in range(10)]
    columns["V1"] = [float(row) for row in range(10)]
    return pd.DataFrame({**columns, "Class": [int(row == 3) for row in range(10)]})
