"""Stream, schedule and tables: deterministic for a seed, and complete."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.ports import free_ports
from events.codec import decode_transaction
from events.errors import PayloadError
from tests.chaos.campaign import STEPS
from tests.chaos.faults import CLUSTER, Kind, injectors
from tests.chaos.result import read_log
from tests.chaos.schedule import DECK, EXCLUSIVE, Schedule
from tests.chaos.stream import Stream, number_of
from tests.chaos.tables import Table
from tests.chaos.testbed import Plan, make_stream
from tests.conftest import ROOT

STREAM = make_stream(Plan(faults=0, seed=5))


def test_a_stream_survives_a_round_trip(tmp_path: Path) -> None:
    STREAM.save(tmp_path / "stream")
    assert Stream.load(tmp_path / "stream") == STREAM


def test_flagged_and_poison_records_depend_on_number_and_seed() -> None:
    other = Stream(6, STREAM.flagged, STREAM.unflagged, STREAM.poison_payloads)
    flagged = [number for number in range(20_000) if STREAM.is_flagged(number)]
    assert 1_800 < len(flagged) < 2_200
    assert flagged != [number for number in range(20_000) if other.is_flagged(number)]
    assert 1_800 < sum(map(STREAM.is_poisoned, range(20_000))) < 2_200


@given(st.integers(0, 10**7 - 1))
def test_a_number_is_a_transaction_with_the_expected_score(number: int) -> None:
    payload = STREAM.payload(number, poisoned=False)
    transaction = decode_transaction(payload)
    assert number_of(transaction.transaction_id) == number
    assert (1.0 if STREAM.is_flagged(number) else 0.0) == transaction.V1


def test_poison_payloads_cannot_be_decoded() -> None:
    assert len(STREAM.poison_payloads) == 200
    for number in range(200):
        with pytest.raises(PayloadError):
            decode_transaction(STREAM.payload(number, poisoned=True))


@pytest.mark.parametrize("other", ["row-1", "row-00000x1", "row-", "other", "row-+000001"])
def test_other_ids_have_no_number(other: str) -> None:
    with pytest.raises(ValueError, match=r"transaction|literal"):
        number_of(other)


def test_every_kind_is_in_the_deck_and_has_an_injector() -> None:
    assert set(DECK) == set(Kind)
    assert set(injectors(3, 5.0, STEPS["exactly-once"])) == set(Kind)
    assert set(Kind) - set(injectors(1, 5.0, STEPS["exactly-once"])) == set(CLUSTER)
    missing = set(Kind) - set(injectors(3, 5.0, STEPS["at-least-once"]))
    assert missing == {Kind.KILL_BEGIN, Kind.KILL_COMMIT}


def dealt(seed: int, decks: int) -> list[list[Kind]]:
    rounds = Schedule(Random(seed), DECK, (1, 3, 6)).rounds()
    collected: list[list[Kind]] = []
    while sum(map(len, collected)) < decks * sum(DECK.values()):
        collected.append(next(rounds))
    return collected


@given(st.integers(0, 1000))
def test_a_deck_is_dealt_completely(seed: int) -> None:
    rounds = dealt(seed, decks=2)
    assert rounds == dealt(seed, decks=2)
    assert Counter(kind for kinds in rounds for kind in kinds) == {
        kind: 2 * count for kind, count in DECK.items()
    }
    for kinds in rounds:
        assert 1 <= len(kinds) <= 6
        for exclusive in EXCLUSIVE:
            assert sum(kind in exclusive for kind in kinds) <= 1


def test_a_card_put_back_is_in_the_next_deck() -> None:
    schedule = Schedule(Random(1), [Kind.LEAVE, Kind.JOIN], (1,))
    first = [*schedule.deal(1), *schedule.deal(1)]
    schedule.put_back(Kind.LEAVE)
    second = [schedule.deal(1)[0] for _ in range(3)]
    assert sorted(first) == [Kind.JOIN, Kind.LEAVE]
    assert sorted(second) == [Kind.JOIN, Kind.LEAVE, Kind.LEAVE]


@given(st.integers(0, 1000))
def test_every_kind_is_injected_alone(seed: int) -> None:
    alone = Counter(kinds[0] for kinds in dealt(seed, decks=8) if len(kinds) == 1)
    assert set(alone) == set(DECK)


def test_ports_are_outside_the_ephemeral_range() -> None:
    ports = free_ports(8)
    assert len(set(ports)) == 8
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(ports) < lowest


def test_tables_are_aligned_in_both_forms() -> None:
    table = Table(("fault", "times"), (("kill", "7"), ("a longer one", "1,000")))
    assert table.text().splitlines() == [
        "fault         times",
        "kill              7",
        "a longer one  1,000",
    ]
    assert table.markdown().splitlines() == [
        "| fault        | times |",
        "| ------------ | ----: |",
        "| kill         |     7 |",
        "| a longer one | 1,000 |",
    ]


def test_log_lines_are_counted_by_type(tmp_path: Path) -> None:
    log = tmp_path / "detector-1.log"
    assert not read_log(log)
    log.write_text(
        "04:00:01.000 INFO    Injected: SIGKILL at offsets.\n"
        "04:00:01.000 INFO    Injected: SIGSTOP at offsets.\n"
        "04:00:02.000 WARNING Cannot commit: "
        "x (Broker: Specified group generation id is not valid)\n"
        "04:00:02.000 WARNING Cannot commit: timed out\n"
        "04:00:02.000 WARNING Kafka reports offset 0 for transactions [1], but 22 is committed.\n"
        "04:00:03.000 INFO    Lost transactions [0].\n"
        "Error: The transaction failed for good: This instance has been fenced.\n"
        "Error: There is no artifact at /there: put it back.\n"
        "Traceback (most recent call last):\n"
    )
    counts = +read_log(log)
    assert counts == {
        "at offsets": 1,
        "aborted": 2,
        "fenced": 2,
        "lost": 1,
        "forgotten": 1,
        "no artifact": 1,
        "traceback": 1,
    }


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("consumer/commit/patience.py", "Cannot commit"),
        ("consumer/detector/source.py", "Kafka reports offset "),
        (
            "consumer/detector/loop.py",
            '"%s %s; this detector has %s now.",\n            event.capitalize(),',
        ),
        ("model/artifact/load.py", "There is no artifact at "),
    ],
)
def test_the_lines_that_are_counted_are_those_that_are_logged(file: str, text: str) -> None:
    assert text in (ROOT / file).read_text()
