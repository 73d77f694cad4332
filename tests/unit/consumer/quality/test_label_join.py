"""The join of alerts with labels."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.quality.label_join import LabelJoin, Outcome, quality_report
from events.messages import Label

GRACE = 2.0


def label(transaction_id: str, *, fraud: bool, amount: float = 10.0) -> Label:
    return Label(transaction_id, event_time_ms=0, Amount=amount, Class=1 if fraud else 0)


def test_the_four_label_join() -> None:
    label_join = LabelJoin(grace=GRACE)
    label_join.alert("caught")
    label_join.alert("false alarm")
    for number, (name, fraud) in enumerate(
        {"caught": True, "missed": True, "false alarm": False, "fine": False}.items()
    ):
        label_join.label(label(name, fraud=fraud, amount=10.0**number), now=0.0)
    assert label_join.judge(now=GRACE) == [
        (Outcome.TRUE_POSITIVE, 1.0),
        (Outcome.FALSE_NEGATIVE, 10.0),
        (Outcome.FALSE_POSITIVE, 100.0),
        (Outcome.TRUE_NEGATIVE, 1000.0),
    ]
    report = quality_report(label_join)
    assert (report.precision, report.recall) == (0.5, 0.5)
    assert (report.amount_caught, report.amount_missed) == (1.0, 10.0)
    assert (report.alerts, report.labels) == (2, 4)


def test_ratios_without_labels_are_none() -> None:
    report = quality_report(LabelJoin(grace=GRACE))
    assert (report.precision, report.recall) == (None, None)


def test_a_label_waits_for_its_alert_for_the_grace_period() -> None:
    label_join = LabelJoin(grace=GRACE)
    label_join.label(label("late", fraud=True), now=10.0)
    label_join.label(label("later", fraud=True), now=11.0)
    assert label_join.judge(now=11.9) == []
    label_join.alert("late")
    assert label_join.judge(now=12.0) == [(Outcome.TRUE_POSITIVE, 10.0)]
    assert label_join.held == 1
    assert label_join.judge() == [(Outcome.FALSE_NEGATIVE, 10.0)]


def test_an_alert_after_its_label_was_judged_is_counted_as_late_once_and_has_no_effect() -> None:
    label_join = LabelJoin(grace=0.0)
    label_join.label(label("slow", fraud=True), now=0.0)
    label_join.judge(now=0.0)
    label_join.alert("slow")
    label_join.alert("slow")
    assert (label_join.late, label_join.alerts) == (1, 1)
    assert label_join.totals.counts[Outcome.FALSE_NEGATIVE] == 1
    assert label_join.totals.labels == 1


def test_a_duplicate_alert_after_its_label_was_judged_is_not_late() -> None:
    label_join = LabelJoin(grace=0.0)
    label_join.alert("twice")
    label_join.label(label("twice", fraud=True), now=0.0)
    label_join.judge(now=0.0)
    label_join.alert("twice")
    assert (label_join.late, label_join.alerts) == (0, 1)


def test_a_duplicate_label_within_the_grace_period_or_after_it_counts_once() -> None:
    label_join = LabelJoin(grace=GRACE)
    label_join.label(label("twice", fraud=True), now=0.0)
    label_join.label(label("twice", fraud=False), now=0.0)
    label_join.judge(now=GRACE)
    label_join.label(label("twice", fraud=False), now=GRACE)
    assert label_join.judge() == []
    assert label_join.totals.labels == label_join.totals.frauds == 1


def test_memory_is_limited_and_dropped_alerts_are_counted() -> None:
    label_join = LabelJoin(grace=0.0, alerts_remembered=2, judged_remembered=2)
    for name in ("first", "second", "third"):
        label_join.alert(name)
    assert label_join.forgotten == 1
    for name in ("first", "second", "third"):
        label_join.label(label(name, fraud=True), now=0.0)
    assert [outcome for outcome, _ in label_join.judge()] == [
        Outcome.FALSE_NEGATIVE,  # the oldest alert was dropped
        Outcome.TRUE_POSITIVE,
        Outcome.TRUE_POSITIVE,
    ]
    label_join.label(label("first", fraud=True), now=0.0)  # no longer remembered: counts as new
    label_join.label(label("third", fraud=True), now=0.0)  # remembered
    assert len(label_join.judge()) == 1


def test_an_alert_is_removed_once_its_label_was_judged() -> None:
    label_join = LabelJoin(grace=0.0, alerts_remembered=1)
    for number in range(10):
        label_join.alert(f"tx-{number}")
        label_join.label(label(f"tx-{number}", fraud=True), now=0.0)
        label_join.judge(now=0.0)
    assert label_join.forgotten == 0
    assert label_join.totals.counts[Outcome.TRUE_POSITIVE] == 10


@st.composite
def streams(
    draw: st.DrawFn,
) -> tuple[dict[str, tuple[bool, bool]], list[tuple[float, str, str]]]:
    """Draw transactions (flagged, fraud) and arrivals (time, "alert" or "label", id).

    Alerts arrive once or repeatedly, the first one just within the grace period after the first
    label at the latest; labels arrive once or repeatedly.
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
            repeated = draw(st.lists(st.floats(first, first + 100)))
            arrivals += [(time, "alert", name) for time in (first, *repeated)]
    return verdicts, sorted(draw(st.permutations(arrivals)), key=lambda arrival: arrival[0])


@given(streams(), st.lists(st.floats(0, 0.5), max_size=30))
def test_any_interleaving_within_the_grace_period_counts_like_a_batch_join(
    stream: tuple[dict[str, tuple[bool, bool]], list[tuple[float, str, str]]], waits: list[float]
) -> None:
    verdicts, arrivals = stream
    label_join = LabelJoin(grace=GRACE)
    for number, (time, kind, name) in enumerate(arrivals):
        # The loop judges at any moment, but never in the future.
        if number < len(waits):
            label_join.judge(time - waits[number])
        if kind == "alert":
            label_join.alert(name)
        else:
            label_join.label(label(name, fraud=verdicts[name][1]), time)
        if number % 3 == 0:
            label_join.judge(time)
    label_join.judge()

    flagged = [fraud for flag, fraud in verdicts.values() if flag]
    passed = [fraud for flag, fraud in verdicts.values() if not flag]
    assert label_join.totals.counts == {
        Outcome.TRUE_POSITIVE: sum(flagged),
        Outcome.FALSE_POSITIVE: len(flagged) - sum(flagged),
        Outcome.TRUE_NEGATIVE: len(passed) - sum(passed),
        Outcome.FALSE_NEGATIVE: sum(passed),
    }
    assert sum(label_join.totals.amounts.values()) == 10.0 * len(verdicts)
    assert (label_join.alerts, label_join.late, label_join.held) == (len(flagged), 0, 0)
