"""Queries of panels, number formats, and pictures of dashboards."""

import numpy as np
import pytest

from benchmarks.operations.dashboards import draw, format_value, height
from benchmarks.operations.panels import Dashboard, Query, read_dashboards
from benchmarks.operations.prometheus import Prometheus, Series
from model.plots.style import render


class StubPrometheus(Prometheus):
    """Answers every query, with a line or a single number."""

    def __init__(self) -> None:
        super().__init__("http://nowhere")
        self.queries: list[str] = []

    def now(self, query: str) -> list[Series]:
        self.queries.append(query)
        return [Series({"alertname": "DetectorDown"}, np.zeros(1), np.ones(1))]

    def over(self, query: str, begin: float, end: float, step: float) -> list[Series]:
        self.queries.append(query)
        times = np.arange(begin, end, step)
        edges = ("0.5", "1", "+Inf")
        return [
            Series({"le": edge}, times, np.linspace(0, 1 + index, len(times)))
            for index, edge in enumerate(edges)
        ]


def test_grafana_variables_are_replaced() -> None:
    query = Query("increase(a[$__range]) / rate(b[$__rate_interval])", "", instant=False)
    assert query.expand(1800, 7.5) == "increase(a[1800s]) / rate(b[20s])"
    assert query.expand(1800, 60) == "increase(a[1800s]) / rate(b[65s])"


def test_a_legend_contains_label_values() -> None:
    series = Series({"topic": "transactions", "partition": "1"}, np.zeros(1), np.zeros(1))
    assert Query("", "{{topic}} {{ partition }}{{absent}}", instant=False).name(series) == (
        "transactions 1"
    )


@pytest.mark.parametrize("board", read_dashboards(), ids=lambda board: board.uid)
def test_every_dashboard_is_drawn_from_all_its_queries(board: Dashboard) -> None:
    prometheus = StubPrometheus()
    picture = draw(board, prometheus, end=1_000_000.0, shown=60.0)
    drawn = render(picture, width=14, height=height(board), background="light")
    assert drawn.startswith(b"\x89PNG")
    panels = [panel for panel in board.panels if panel.source == "prometheus"]
    queries = [query for panel in panels for query in panel.queries]
    assert len(prometheus.queries) == len(queries) + len(board.annotations)
    assert not any("$__" in query for query in prometheus.queries)


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0.00172, "percentunit", 2, "0.17 %"),
        (0.00172, "percentunit", None, "0.172 %"),
        (0.0204, "s", None, "20.4 ms"),
        (75, "s", 0, "75 s"),
        (1.26, "s", None, "1.3 s"),
        (763 * 2**20, "bytes", None, "763 MiB"),
        (26486.4, "locale", None, "26,486"),
        (399.6, "suffix: /s", 0, "400 /s"),
        (np.nan, "locale", 0, "-"),
    ],
)
def test_numbers_are_formatted_in_their_unit(
    value: float, unit: str, decimals: int | None, text: str
) -> None:
    assert format_value(value, unit, decimals) == text
