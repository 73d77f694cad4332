"""What Grafana's dashboards ask: their panels and queries, from their JSON files."""

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
        instant: whether it is asked of the present moment alone.
    """

    text: str
    legend: str
    instant: bool

    def filled(self, shown: float, step: float) -> str:
        """Return the query as Prometheus takes it.

        Args:
            shown: seconds that the dashboard shows.
            step: seconds between two points of it.
        """
        rate = max(4 * SCRAPE_SECONDS, step + SCRAPE_SECONDS)
        text = self.text.replace("$__range", f"{shown:.0f}s")
        return text.replace("$__rate_interval", f"{rate:.0f}s")

    def ask(self, prometheus: Prometheus, end: float, shown: float, step: float) -> list[Series]:
        """Return the series that Grafana would show, times in seconds since the epoch."""
        text = self.filled(shown, step)
        if self.instant:
            return prometheus.now(text)
        return prometheus.over(text, end - shown, end, step)

    def name(self, series: Series) -> str:
        """Return how the legend calls a series."""
        return re.sub(
            r"{{\s*(\w+)\s*}}", lambda found: series.labels.get(found[1], ""), self.legend
        )


@dataclass(frozen=True)
class Panel:
    """A panel, as its JSON says; `queries` is empty where it shows a text, or heads a row.

    Attributes:
        title: above it.
        kind: Grafana's name of it, for example "timeseries".
        source: uid of what it asks, "prometheus" or "loki"; "" where it asks nothing.
        queries: in that one's language.
        json: all of it.
    """

    title: str
    kind: str
    source: str
    queries: tuple[Query, ...]
    json: dict[str, Any]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: the headings of its rows, its panels, and what is marked across them.

    `folded` are the panels of rows that are closed until somebody opens them.
    """

    uid: str
    title: str
    rows: tuple[Panel, ...]
    panels: tuple[Panel, ...]
    folded: tuple[Panel, ...]
    annotations: tuple[Query, ...]
    json: dict[str, Any]


def read_dashboard(path: Path) -> Dashboard:
    """Return the dashboard of a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    panels = [_panel(panel) for panel in content["panels"]]
    notes = content["annotations"]["list"]
    return Dashboard(
        uid=content["uid"],
        title=content["title"],
        rows=tuple(panel for panel in panels if panel.kind == "row"),
        panels=tuple(panel for panel in panels if panel.kind != "row"),
        folded=tuple(_panel(panel) for row in content["panels"] for panel in row.get("panels", [])),
        annotations=tuple(Query(note["expr"], note["titleFormat"], False) for note in notes),
        json=content,
    )


def read_dashboards(folder: Path = DASHBOARDS) -> list[Dashboard]:
    """Return all dashboards of a folder, by the names of their files."""
    return [read_dashboard(path) for path in sorted(folder.glob("*.json"))]


def _panel(panel: dict[str, Any]) -> Panel:
    queries = (
        Query(target["expr"], target["legendFormat"], target.get("instant", False))
        for target in panel.get("targets", [])
    )
    source = panel.get("datasource", {}).get("uid", "")
    return Panel(panel["title"], panel["type"], source, tuple(queries), panel)
