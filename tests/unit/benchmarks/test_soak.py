"""What a soak draws is on the dashboards, and its table says what Prometheus recorded."""

import re

import numpy as np

from benchmarks.operations.panels import read_dashboards
from benchmarks.operations.prometheus import Prometheus, Series
from benchmarks.operations.soak import DRAWN, Span, overview, table

TIMES = np.arange(0.0, 300.0, 5.0)


class Recorded(Prometheus):
    """Answers with what it was told, by the beginning of a query; with 2 otherwise."""

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
    assert [panel.title for panel in board.panels] == [title for _, title in DRAWN]
    assert len({(place["x"], place["y"]) for place in places}) == len(DRAWN)
    assert {place["x"] for place in places} == {0, 12}


def test_the_table_says_what_was_recorded() -> None:
    recorded = Recorded(true_positive=80, false_positive=20, false_negative=80, true_negative=820)
    told = table(recorded, Span(0.0, 300.0))
    lines = {
        cells[1].strip(): cells[2].strip()
        for line in told.splitlines()
        if (cells := line.split("|"))
    }
    assert lines["precision, recall"] == "0.800, 0.500"
    assert lines["labels that came"] == "1,000"
    assert lines["what fired"] == "A, B"
    assert lines["a second: least minute, mean, busiest minute"] == "60, 150, 240"
    assert lines["event to score, p50 / p95 / p99"] == "2000.0 / 2000.0 / 2000.0 ms"
