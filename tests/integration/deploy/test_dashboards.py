"""The dashboards' JSON, and the Grafana settings that load them."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from benchmarks.operations.panels import SCRAPE_SECONDS, Dashboard, Panel, read_dashboards
from events.messages import Alert

DEPLOY = Path(__file__).resolve().parent.parent.parent.parent / "deploy"
DASHBOARDS = read_dashboards()
PANELS = [(board, panel) for board in DASHBOARDS for panel in (*board.panels, *board.folded)]
NAMES = [f"{board.uid}-{panel.title}" for board, panel in PANELS]
SOURCE = {"type": "prometheus", "uid": "prometheus"}
LOKI = {"type": "loki", "uid": "loki"}

# Metrics that NVIDIA's DCGM exporter reports by default (its etc/default-counters.csv) and the
# panels show: utilization, per cent; memory in use, MiB; power, watt; temperature, degrees Celsius.
GPU_METRICS = {
    "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_POWER_USAGE",
}  # fmt: skip


def read(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text())


def test_there_are_three_dashboards_with_fixed_uids() -> None:
    assert [board.uid for board in DASHBOARDS] == [
        "detector-service", "fraud-operations", "model-health",
    ]  # fmt: skip


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_dashboard_loads_without_input_and_refreshes(board: Dashboard) -> None:
    assert "__inputs" not in board.json
    assert "id" not in board.json  # Grafana's own, of one installation
    assert board.json["refresh"] in board.json["timepicker"]["refresh_intervals"]
    (note,) = board.json["annotations"]["list"]
    assert (note["enable"], note["datasource"]) == (True, SOURCE)


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_panels_have_distinct_titles_ids_and_positions(board: Dashboard) -> None:
    titles = [panel.title for panel in (*board.panels, *board.folded)]
    all_of_it = [
        each for panel in board.json["panels"] for each in (panel, *panel.get("panels", []))
    ]
    numbers = [panel["id"] for panel in all_of_it]
    assert len(set(titles)) == len(titles)
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in all_of_it):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells)
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=NAMES)
def test_a_panel_has_title_description_query_and_unit(board: Dashboard, panel: Panel) -> None:
    assert panel.title
    assert panel.json["description"].endswith(".")
    assert panel.queries
    assert panel.json["datasource"] in (SOURCE, LOKI)
    defaults = panel.json["fieldConfig"]["defaults"]
    assert defaults["unit"]
    values = [step["value"] for step in defaults["thresholds"]["steps"]]
    assert values[0] is None
    assert values[1:] == sorted(values[1:])


def test_the_alert_table_has_the_fields_of_an_alert() -> None:
    ((_, panel),) = [each for each in PANELS if each[1].source == "loki"]
    assert '{job="alerts"} | json' in panel.queries[0].text
    steps = {step["id"]: step["options"] for step in panel.json["transformations"]}
    assert steps["extractFields"] == {"source": "Line", "format": "json", "replace": True}
    columns = {field.name for field in msgspec.structs.fields(Alert)}
    assert steps["organize"]["indexByName"].keys() == columns
    overrides = panel.json["fieldConfig"]["overrides"]
    assert {override["matcher"]["options"] for override in overrides} <= columns
    assert {order["field"] for order in steps["sortBy"]["sort"]} <= columns


def test_gpu_panels_query_metrics_that_the_exporter_reports() -> None:
    asked = {
        name
        for board, panel in PANELS
        for query in panel.queries
        for name in re.findall(r"DCGM_\w+", query.text)
    }
    assert asked == GPU_METRICS
    assert all(
        row.json["collapsed"] for board in DASHBOARDS for row in board.rows if row.json["panels"]
    )
    jobs = {job["job_name"] for job in read("prometheus/prometheus.yml")["scrape_configs"]}
    assert jobs == {"detector", "quality", "gpu"}
    assert read("prometheus/targets/gpu.yml") == []


def test_the_grafana_data_source_has_the_scrape_interval() -> None:
    (source,) = read("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == SOURCE
    interval = read("prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval == f"{SCRAPE_SECONDS}s"
    (provider,) = read("grafana/provisioning/dashboards/fraudstream.yml")["providers"]
    assert provider["type"] == "file"
