"""A short campaign: a fixed seed, every kind of fault, at least twenty kills.

It always starts a Kafka of its own, whatever `--broker` says, because it kills the broker.
"""

from pathlib import Path

from tests.chaos.campaign import run
from tests.chaos.faults import CLUSTER, Kind
from tests.chaos.report import as_text
from tests.chaos.schedule import DECK
from tests.chaos.testbed import Plan


def test_exactly_once_holds_under_every_kind_of_fault(tmp_path: Path) -> None:
    kinds = set(Kind) - CLUSTER.keys()
    plan = Plan(faults=sum(DECK[kind] for kind in kinds), longest_outage=5.0, sizes=(4, 5, 6))
    result = run(plan, tmp_path)
    print(as_text(plan, result))
    assert result.violations == []
    assert result.kills >= 20
    assert set(result.injected) == kinds


def test_at_least_once_loses_nothing(tmp_path: Path) -> None:
    plan = Plan(faults=8, longest_outage=5.0, delivery="at-least-once", sizes=(4,))
    result = run(plan, tmp_path)
    print(as_text(plan, result))
    assert result.violations == []
    assert result.verdict is not None
    assert result.verdict.alerts.expected > 0
