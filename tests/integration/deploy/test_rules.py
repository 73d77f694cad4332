"""Prometheus' rules and configuration, checked by promtool."""

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
CASES = sorted((HERE / "rules").glob("*.yml"))


@cache
def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def alerts() -> list[dict[str, Any]]:
    groups = [group for file in RULES for group in read(file)["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def cases() -> list[dict[str, Any]]:
    tests = [test for file in CASES for test in read(file)["tests"]]
    return [case for test in tests for case in test["alert_rule_test"]]


def run_promtool(promtool: Path, *arguments: str | Path) -> str:
    told = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def test_the_configuration_is_valid(program: Callable[[str], Path]) -> None:
    told = run_promtool(program("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")
    assert f"{len(RULES)} rule files found" in told


def test_the_rules_are_valid_and_unique(program: Callable[[str], Path]) -> None:
    run_promtool(program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *RULES)


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_alerts_fire_exactly_when_expected(program: Callable[[str], Path], file: Path) -> None:
    run_promtool(program("promtool"), "test", "rules", file)


@pytest.mark.parametrize("name", sorted({alert["alert"] for alert in alerts()}))
def test_each_alert_has_a_case_that_fires_and_one_that_does_not(name: str) -> None:
    expected = [case["exp_alerts"] for case in cases() if case["alertname"] == name]
    fired = {alert["exp_labels"]["severity"] for case in expected for alert in case}
    assert fired == {alert["labels"]["severity"] for alert in alerts() if alert["alert"] == name}
    assert [] in expected


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_has_severity_summary_description_and_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    told = alert["annotations"]
    assert told["summary"].endswith(".")
    assert told["description"].endswith(".")
    page, _, section = told["runbook_url"].partition("#")
    headings = re.findall(r"^### (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert section in {heading.lower() for heading in headings}
    assert section == alert["alert"].lower()
