"""A Prometheus that scrapes running services answers the queries of dashboards and rules."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.operations.deployed import Deployed
from benchmarks.operations.panels import Dashboard, Panel, read_dashboards
from kafkaio.settings import KafkaSettings
from tests.support.watched import is_finite, metrics, rules, watched

# Seconds that the dashboards show in these tests, and seconds between two points.
SHOWN, STEP = 120.0, 5.0

GPU = "{{Hostname}} {{gpu}}"

# Dashboard, panel, legend: series that may be empty in a healthy run, and why.
EMPTY = {
    ("fraud-operations", "Firing", ""): "no alert need fire",
    ("fraud-operations", "Mean amount by outcome", "missed"): "a short run may miss none",
    ("fraud-operations", "Mean amount by outcome", "false positives"): "a short run may have none",
    ("detector-service", "GPU utilization", GPU): "no GPU here, so no DCGM exporter",
    ("detector-service", "GPU memory", GPU): "likewise",
    ("detector-service", "GPU power", GPU): "likewise",
    ("detector-service", "GPU temperature", GPU): "likewise",
}

DASHBOARDS = read_dashboards()
PANELS = [
    (board, panel)
    for board in DASHBOARDS
    for panel in (*board.panels, *board.folded)
    if panel.source == "prometheus"  # the alert table queries Loki, which does not run here
]


@pytest.fixture(scope="module")
def stream(
    kafka_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    program: Callable[[str], Path],
    demo_artifact: Path,  # the one that the services load
) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("watched")
    with watched(KafkaSettings(kafka_address), folder, program("prometheus")) as running:
        yield running


@pytest.mark.parametrize(
    ("board", "panel"), PANELS, ids=[f"{board.uid}-{panel.title}" for board, panel in PANELS]
)
def test_every_query_of_every_panel_returns_data(
    stream: Deployed, board: Dashboard, panel: Panel
) -> None:
    for query in panel.queries:
        found = query.run(stream.prometheus, time.time(), SHOWN, STEP)
        assert is_finite(found) or (board.uid, panel.title, query.legend) in EMPTY, query.text


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_new_model_is_annotated(stream: Deployed, board: Dashboard) -> None:
    (note,) = board.annotations
    (series,) = note.run(stream.prometheus, time.time(), 2 * SHOWN, STEP)
    assert series.labels["model_version"]


def test_every_rule_evaluates_without_error(stream: Deployed) -> None:
    groups = stream.prometheus.get("rules")["groups"]
    loaded = [rule for group in groups for rule in group["rules"]]
    assert len(loaded) == len(rules("record")) + len(rules("alert"))
    assert {rule["name"]: rule["lastError"] for rule in loaded if rule["health"] != "ok"} == {}


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_alerts_query_existing_series(stream: Deployed, rule: dict[str, str]) -> None:
    for name in metrics(rule["expr"]):
        assert stream.prometheus.now(f"count({name})"), name


def test_every_panel_listed_as_empty_exists() -> None:
    assert EMPTY.keys() <= {
        (board.uid, panel.title, query.legend) for board, panel in PANELS for query in panel.queries
    }


def test_promtool_accepts_the_metrics(stream: Deployed, program: Callable[[str], Path]) -> None:
    for part in (stream.detector, stream.quality):
        told = subprocess.run(
            [program("promtool"), "check", "metrics"],
            input=part.scrape(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr
