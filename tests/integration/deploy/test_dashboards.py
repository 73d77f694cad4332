"""The dashboards' JSON, and Grafana's settings that load them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.panels import SCRAPE_SECONDS, Dashboard, Panel, read_dashboards

DEPLOY = Path(__file__).resolve().parent.parent.parent.parent / "deploy"
DASHBOARDS = read_dashboards()
PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]
NAMES = [f"{board.uid}-{panel.title}" for board, panel in PANELS]
SOURCE = {"type": "prometheus", "uid": "prometheus"}


def read(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text())


def test_there_are_three_dashboards_with_fixed_uids() -> None:
    assert [board.uid for board in DASHBOARDS] == [
        "detector-service", "fraud-operations", "model-health",
    ]  # fmt: skip


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_dashboard_loads_without_questions_and_stays_fresh(board: Dashboard) -> None:
    assert "__inputs" not in board.json
    assert "id" not in board.json  # Grafana's own, of one installation
    assert board.json["refresh"] in board.json["timepicker"]["refresh_intervals"]
    (note,) = board.json["annotations"]["list"]
    assert (note["enable"], note["datasource"]) == (True, SOURCE)


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_no_two_panels_share_a_title_an_id_or_a_place(board: Dashboard) -> None:
    titles = [panel.title for panel in board.panels]
    numbers = [panel["id"] for panel in board.json["panels"]]
    assert len(set(titles)) == len(titles)
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in board.json["panels"]):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells)
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=NAMES)
def test_a_panel_says_what_it_shows(board: Dashboard, panel: Panel) -> None:
    assert panel.title
    assert panel.json["description"].endswith(".")
    if panel.kind == "text":
        assert panel.json["options"]["content"]
        return
    assert panel.queries
    assert panel.json["datasource"] == SOURCE
    defaults = panel.json["fieldConfig"]["defaults"]
    assert defaults["unit"]
    values = [step["value"] for step in defaults["thresholds"]["steps"]]
    assert values[0] is None
    assert values[1:] == sorted(values[1:])


def test_grafana_finds_the_source_and_asks_at_the_pace_of_scrapes() -> None:
    (source,) = read("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == SOURCE
    interval = read("prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval == f"{SCRAPE_SECONDS}s"
    (provider,) = read("grafana/provisioning/dashboards/fraudstream.yml")["providers"]
    assert provider["type"] == "file"
