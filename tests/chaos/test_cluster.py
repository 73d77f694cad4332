"""A short campaign on three brokers, with the protocol that the other campaigns do not use.

It takes 1 GB of memory, and waits most of the time.
"""

from pathlib import Path

from tests.chaos.campaign import run
from tests.chaos.faults import Kind
from tests.chaos.report import as_text
from tests.chaos.testbed import Plan


def test_exactly_once_holds_when_a_cluster_loses_the_leader_in_every_way(tmp_path: Path) -> None:
    # A round of one draws each kind before it repeats any.
    plan = Plan(
        faults=4, brokers=3, protocol="consumer", rate=60.0, only="leader", sizes=(1,), seed=2
    )
    result = run(plan, tmp_path)
    print(as_text(plan, result))
    assert result.violations == []
    assert result.verdict is not None
    assert result.verdict.alerts.expected > 0
    assert set(result.injected) == {kind for kind in Kind if "leader" in kind}
