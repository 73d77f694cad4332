"""What every report of a demo must satisfy."""

from collections.abc import Mapping
from typing import Any


def assert_consistent(report: Mapping[str, Any], *, rows: int) -> None:
    """Check that the report (`fraudstream demo --json`) accounts for every row."""
    assert report["published"] == rows == report["scored"] + report["dead_lettered"]
    assert report["flagged"] == report["alerts_delivered"] > 0
    assert report["true_positives"] + report["false_positives"] == report["flagged"]
    for latency in ("scoring_latency_seconds", "detection_latency_seconds"):
        assert 0 < report[latency]["p50"] <= report[latency]["p95"] <= report[latency]["p99"]
