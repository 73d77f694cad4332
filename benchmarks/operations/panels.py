"""Panels and queries of Grafana's dashboards, from their JSON files."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.operations.prometheus import Prometheus, Series

DASHBOARDS = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "dashboards"

# Grafana makes the window of a rate no shorter than four scrapes.
SCRAPE_SECONDS = 5


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        text: in PromQL, with Grafana's variables.
        legend: the name of its series; `{{label}}` stands for a label's value.
        instant: whether it is an instant query.
    """

    text: str
    legend: str
    instant: bool

    def expand(self, shown: float, step: float) -> str:
        """Return the query with Grafana's variables replaced.

        Args:
            shown: seconds that the dashboard shows.
            step: seconds between two points.
        """
        rate = max(4 * SCRAPE_SECONDS, step + SCRAPE_SECONDS)
        text = self.text.replace("$__range", f"{shown:.0f}s")
        return text.replace("$__rate_interval", f"{rate:.0f}s")

    def run(self, prometheus: Prometheus, end: float, shown: float, step: float) -> list[Series]:
        """Return the series that Grafana would show; times are seconds since the epoch."""
        text = self.expand(shown, step)
        if self.instant:
            return prometheus.now(text)
        return prometheus.over(text, end - shown, end, step)

    def name(self, series: Series) -> str:
        """Return a series' name in the legend."""
        return re.sub(
            r"{{\s*(\w+)\s*}}", lambda match: series.labels.get(match[1], ""), self.legend
        )


@dataclass(frozen=True)
class Panel:
    """A panel; `queries` is empty for a text and for the heading of a row.

    Attributes:
        title: above the panel.
        kind: Grafana's type, for example "timeseries".
        source: uid of its data source, "prometheus" or "loki"; "" if it has none.
        queries: in the language of the data source.
        json: of the panel.
    """

    title: str
    kind: str
    source: str
    queries: tuple[Query, ...]
    json: dict[str, Any]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: headings of rows, panels, and the queries of its annotations.

    `folded` holds the panels of collapsed rows.
    """

    uid: str
    title: str
    rows: tuple[Panel, ...]
    panels: tuple[Panel, ...]
    folded: tuple[Panel, ...]
    annotations: tuple[Query, ...]
    json: dict[str, Any]


def read_dashboard(path: Path) -> Dashboard:
    """Read a dashboard from a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    panels = [_panel(panel) for panel in content["panels"]]
    annotations = content["annotations"]["list"]
    return Dashboard(
        uid=content["uid"],
        title=content["title"],
        rows=tuple(panel for panel in panels if panel.kind == "row"),
        panels=tuple(panel for panel in panels if panel.kind != "row"),
        folded=tuple(_panel(panel) for row in content["panels"] for panel in row.get("panels", [])),
        annotations=tuple(Query(each["expr"], each["titleFormat"], False) for each in annotations),
        json=content,
    )


def read_dashboards(folder: Path = DASHBOARDS) -> list[Dashboard]:
    """Read all dashboards of a folder, sorted by file name."""
    return [read_dashboard(path) for path in sorted(folder.glob("*.json"))]


def _panel(panel: dict[str, Any]) -> Panel:
    queries = (
        Query(target["expr"], target["legendFormat"], target.get("instant", False))
        for target in panel.get("targets", [])
    )
    source = panel.get("datasource", {}).get("uid", "")
    return Panel(panel["title"], panel["type"], source, tuple(queries), panel)
