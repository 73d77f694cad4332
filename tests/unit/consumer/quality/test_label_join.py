"""Joining alerts with labels."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.detector.metrics import Outcome
from consumer.quality.label_join import LabelJoin, figures
from events.messages import Label

GRACE = 2.0


def label(transaction_id: str, *, fraud: bool, amount: float = 10.0) -> Label:
    return Label(transaction_id, event_time_ms=0, Amount=amount, Class=1 if fraud else 0)


def test_the_four_outcomes() -> None:
    outcomes = LabelJoin(grace=GRACE)
    outcomes.alert("caught")
    outcomes.alert("false alarm")
    for number, (name, fraud) in enumerate(
        {"caught": True, "missed": True, "false alarm": False, "fine": False}.items()
    ):
        outcomes.label(label(name, fraud=fraud, amount=10.0**number), now=0.0)
    assert outcomes.judge(now=GRACE) == [
        (Outcome.TRUE_POSITIVE, 1.0),
        (Outcome.FALSE_NEGATIVE, 10.0),
        (Outcome.FALSE_POSITIVE, 100.0),
        (Outcome.TRUE_NEGATIVE, 1000.0),
    ]
    told = figures(outcomes)
    assert (told.precision, told.recall) == (0.5, 0.5)
    assert (told.amount_caught, told.amount_missed) == (1.0, 10.0)
    assert (told.alerts, told.labels) == (2, 4)


def test_ratios_of_nothing_are_none() -> None:
    told = figures(LabelJoin(grace=GRACE))
    assert (told.precision, told.recall) == (None, None)


def test_a_label_waits_for_its_alert_until_the_grace_is_over() -> None:
    outcomes = LabelJoin(grace=GRACE)
    outcomes.label(label("late", fraud=True), now=10.0)
    outcomes.label(label("later", fraud=True), now=11.0)
    assert outcomes.judge(now=11.9) == []
    outcomes.alert("late")
    assert outcomes.judge(now=12.0) == [(Outcome.TRUE_POSITIVE, 10.0)]
    assert outcomes.held == 1
    assert outcomes.judge() == [(Outcome.FALSE_NEGATIVE, 10.0)]


def test_an_alert_after_the_verdict_is_counted_as_late_once_and_changes_nothing() -> None:
    outcomes = LabelJoin(grace=0.0)
    outcomes.label(label("slow", fraud=True), now=0.0)
    outcomes.judge(now=0.0)
    outcomes.alert("slow")
    outcomes.alert("slow")
    assert (outcomes.late, outcomes.alerts) == (1, 1)
    assert outcomes.tally.counts[Outcome.FALSE_NEGATIVE] == 1
    assert outcomes.tally.labels == 1


def test_an_alert_repeated_after_its_verdict_is_not_late() -> None:
    outcomes = LabelJoin(grace=0.0)
    outcomes.alert("twice")
    outcomes.label(label("twice", fraud=True), now=0.0)
    outcomes.judge(now=0.0)
    outcomes.alert("twice")
    assert (outcomes.late, outcomes.alerts) == (0, 1)


def test_a_label_repeated_within_the_grace_or_after_it_counts_once() -> None:
    outcomes = LabelJoin(grace=GRACE)
    outcomes.label(label("twice", fraud=True), now=0.0)
    outcomes.label(label("twice", fraud=False), now=0.0)
    outcomes.judge(now=GRACE)
    outcomes.label(label("twice", fraud=False), now=GRACE)
    assert outcomes.judge() == []
    assert outcomes.tally.labels == outcomes.tally.frauds == 1


def test_memory_is_bounded_and_what_was_forgotten_is_counted() -> None:
    outcomes = LabelJoin(grace=0.0, alerts_remembered=2, judged_remembered=2)
    for name in ("first", "second", "third"):
        outcomes.alert(name)
    assert outcomes.forgotten == 1
    for name in ("first", "second", "third"):
        outcomes.label(label(name, fraud=True), now=0.0)
    assert [outcome for outcome, _ in outcomes.judge()] == [
        Outcome.FALSE_NEGATIVE,  # the oldest is what was forgotten
        Outcome.TRUE_POSITIVE,
        Outcome.TRUE_POSITIVE,
    ]
    outcomes.label(label("first", fraud=True), now=0.0)  # out of the window: taken for a new one
    outcomes.label(label("third", fraud=True), now=0.0)  # in it
    assert len(outcomes.judge()) == 1


def test_an_alert_is_forgotten_once_it_was_judged() -> None:
    outcomes = LabelJoin(grace=0.0, alerts_remembered=1)
    for number in range(10):
        outcomes.alert(f"tx-{number}")
        outcomes.label(label(f"tx-{number}", fraud=True), now=0.0)
        outcomes.judge(now=0.0)
    assert outcomes.forgotten == 0
    assert outcomes.tally.counts[Outcome.TRUE_POSITIVE] == 10


@st.composite
def streams(
    draw: st.DrawFn,
) -> tuple[dict[str, tuple[bool, bool]], list[tuple[float, str, str]]]:
    """Draw transactions (flagged, fraud) and what arrives when: (time, "alert" or "label", id).

    Alerts come, once or repeatedly, at the latest a hair within the grace after the first label;
    labels come once or repeatedly.
    """
    verdicts = draw(
        st.dictionaries(
            st.text(min_size=1, max_size=8), st.tuples(st.booleans(), st.booleans()), max_size=20
        )
    )
    moments = st.floats(0, 100)
    arrivals = []
    for name, (flagged, _) in verdicts.items():
        labels = draw(st.lists(moments, min_size=1, max_size=3))
        arrivals += [(time, "label", name) for time in labels]
        if flagged:
            first = draw(st.floats(0, min(labels) + 0.99 * GRACE))
            repeated = draw(st.lists(moments.map(lambda time, first=first: first + time)))
            arrivals += [(time, "alert", name) for time in (first, *repeated)]
    return verdicts, sorted(draw(st.permutations(arrivals)), key=lambda arrival: arrival[0])


@given(streams(), st.lists(st.floats(0, 0.5), max_size=30))
def test_any_interleaving_within_the_grace_counts_like_the_batch(
    stream: tuple[dict[str, tuple[bool, bool]], list[tuple[float, str, str]]], waits: list[float]
) -> None:
    verdicts, arrivals = stream
    outcomes = LabelJoin(grace=GRACE)
    for number, (time, kind, name) in enumerate(arrivals):
        # The loop judges now and then, at whatever moment, but never in the future.
        if number < len(waits):
            outcomes.judge(time - waits[number])
        if kind == "alert":
            outcomes.alert(name)
        else:
            outcomes.label(label(name, fraud=verdicts[name][1]), time)
        if number % 3 == 0:
            outcomes.judge(time)
    outcomes.judge()

    flagged = [fraud for flag, fraud in verdicts.values() if flag]
    passed = [fraud for flag, fraud in verdicts.values() if not flag]
    assert outcomes.tally.counts == {
        Outcome.TRUE_POSITIVE: sum(flagged),
        Outcome.FALSE_POSITIVE: len(flagged) - sum(flagged),
        Outcome.TRUE_NEGATIVE: len(passed) - sum(passed),
        Outcome.FALSE_NEGATIVE: sum(passed),
    }
    assert sum(outcomes.tally.amounts.values()) == 10.0 * len(verdicts)
    assert (outcomes.alerts, outcomes.late, outcomes.held) == (len(flagged), 0, 0)
