"""The short form: a fixed seed, every kind of fault, at least twenty kills, the count at the end.

It starts a Kafka of its own whatever `--broker` says: nobody lends one to be killed.
"""

from pathlib import Path

import pytest

from tests.chaos.building import Plan
from tests.chaos.campaign import run
from tests.chaos.faults import Kind
from tests.chaos.report import as_text
from tests.chaos.schedule import DECK


@pytest.mark.timeout(400)
def test_exactly_once_survives_a_deck_of_faults(tmp_path: Path) -> None:
    plan = Plan(faults=sum(DECK.values()), longest_outage=5.0, sizes=(4, 5, 6))
    tally = run(plan, tmp_path)
    print(as_text(plan, tally))
    assert tally.failures == []
    assert tally.kills >= 20
    assert set(tally.inflicted) == set(Kind)


@pytest.mark.timeout(200)
def test_at_least_once_loses_nothing(tmp_path: Path) -> None:
    plan = Plan(faults=8, longest_outage=5.0, delivery="at-least-once", sizes=(4,))
    tally = run(plan, tmp_path)
    print(as_text(plan, tally))
    assert tally.failures == []
    assert tally.verdict is not None
    assert tally.verdict.alerts.expected > 0
