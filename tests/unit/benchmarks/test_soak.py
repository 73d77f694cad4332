"""The soak draws panels of the dashboards; its table has the recorded figures."""

import re

import numpy as np

from benchmarks.operations.panels import read_dashboards
from benchmarks.operations.prometheus import Prometheus, Series
from benchmarks.operations.recorded import TimeRange, table
from benchmarks.operations.soak import PANELS, overview

TIMES = np.arange(0.0, 300.0, 5.0)


class StubPrometheus(Prometheus):
    """Answers a query by the outcome that it selects, or with 2."""

    def __init__(self, **values: float) -> None:
        super().__init__("http://nowhere")
        self.values = values

    def now(self, query: str) -> list[Series]:
        outcome = re.search(r'outcome="(\w+)"', query)
        value = self.values.get(outcome[1] if outcome else "", 2.0)
        return [Series({}, np.zeros(1), np.array([value]))]

    def over(self, query: str, begin: float, end: float, step: float) -> list[Series]:
        if query.startswith("ALERTS"):
            return [Series({"alertname": name}, TIMES, TIMES) for name in ("B", "A", "B")]
        kept = (begin <= TIMES) & (end >= TIMES)
        return [Series({}, TIMES[kept], TIMES[kept])]


def test_the_overview_has_two_panels_in_a_row() -> None:
    board = overview(read_dashboards())
    places = [panel.json["gridPos"] for panel in board.panels]
    assert [panel.title for panel in board.panels] == [title for _, title in PANELS]
    assert len({(place["x"], place["y"]) for place in places}) == len(PANELS)
    assert {place["x"] for place in places} == {0, 12}


def test_the_table_has_the_recorded_figures() -> None:
    recorded = StubPrometheus(
        true_positive=80, false_positive=20, false_negative=80, true_negative=820
    )
    text = table(recorded, TimeRange(0.0, 300.0))
    lines = {
        cells[1].strip(): cells[2].strip()
        for line in text.splitlines()
        if (cells := line.split("|"))
    }
    assert lines["precision, recall"] == "0.800, 0.500"
    assert lines["labels received"] == "1,000"
    assert lines["alerts of Prometheus that fired"] == "A, B"
    assert lines["a second: quietest minute, mean, busiest minute"] == "60, 150, 240"
    assert lines["event to score, p50 / p95 / p99"] == "2000.0 / 2000.0 / 2000.0 ms"
