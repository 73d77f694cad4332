"""The quality monitor's loop, with records put into its hands and a clock that is turned."""

import logging
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

import consumer.quality.monitor
from consumer.detector.metrics import QualityMetrics
from consumer.quality.label_join import LabelJoin, QualityReport
from consumer.quality.monitor import QualityMonitor
from consumer.telemetry.health import STUCK_SECONDS
from events.codec import encode
from events.messages import Alert, Label
from events.topics import Topics

TOPICS = Topics("unit.")
GRACE = 2.0


class Record:
    def __init__(self, topic: str, value: bytes) -> None:
        self._topic = topic
        self._value = value

    def topic(self) -> str:
        return self._topic

    def value(self) -> bytes:
        return self._value

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0


def alert(name: str) -> Record:
    return Record(TOPICS.alerts, encode(Alert(name, 0, 0, 0.9, 0.5, "v", 10.0)))


def label(name: str, kind: int = 1) -> Record:
    return Record(TOPICS.labels, encode(Label(name, 0, 10.0, kind)))


class Turning:
    """A follower whose every `read` is the next step of a script, a second long; then a stop.

    A step is a list of records, or a text: "away" and "back" for Kafka going and returning,
    "caught up" for the alerts of the last mark having been read, "stop" for being asked to.
    """

    def __init__(self, *steps: list[Record] | str, kafka_answers: bool = True) -> None:
        self.steps = list(steps)
        self.now = 1000.0
        self.away = False
        self.calls: list[str] = []
        self.caught_up = False
        self.kafka_answers = kafka_answers

    def clock(self) -> float:
        return self.now

    def stopped(self) -> bool:
        return not self.steps or self.steps[0] == "stop"

    def read(self) -> list[Record]:
        self.now += 1.0
        if self.steps and self.steps[0] == "stop":
            self.steps.pop(0)
        step = self.steps.pop(0) if self.steps else []
        if isinstance(step, list):
            return step
        if step in {"away", "back"}:
            self.away = step == "away"
            self.caught_up = False
        self.caught_up = self.caught_up or step == "caught up"
        return []

    def arrived(self, topics: Sequence[str]) -> bool:
        if len(topics) == 2:  # at the end, all of both
            return not [step for step in self.steps if step != "stop"]
        return self.caught_up

    def mark(self) -> bool:
        return self.kafka_answers

    def pause(self, topic: str) -> None:
        self.calls.append(f"pause {topic}")

    def resume(self, topic: str) -> None:
        self.calls.append(f"resume {topic}")


class Run:
    """A monitor run over a script, and what it showed."""

    def __init__(self, turning: Turning) -> None:
        self.registry = CollectorRegistry()
        self.shown: list[QualityReport] = []
        self.monitor = QualityMonitor(
            TOPICS,
            LabelJoin(grace=GRACE),
            QualityMetrics(self.registry),
            show=self.shown.append,
            every=0.0,
            clock=turning.clock,
        )
        self.readiness: list[str | None] = [self.monitor.ready()]
        read = turning.read

        def watched() -> list[Record]:
            self.readiness.append(self.monitor.ready())
            return read()

        turning.read = watched  # type: ignore[method-assign]
        self.monitor.run(turning, stopped=turning.stopped)  # type: ignore[arg-type]

    def exported(self, name: str, outcome: str) -> float | None:
        return self.registry.get_sample_value(name, {"outcome": outcome})


def test_outcomes_are_counted_exported_and_shown() -> None:
    run = Run(Turning("caught up", [alert("a")], [label("a"), label("b"), label("c", 0)], [], []))
    assert run.exported("fraud_labels_total", "true_positive") == 1
    assert run.exported("fraud_labels_total", "false_negative") == 1
    assert run.exported("fraud_labels_total", "true_negative") == 1
    assert run.exported("fraud_labels_total", "false_positive") == 0
    assert run.exported("fraud_amount_total", "false_negative") == 10.0
    assert run.shown[-1].recall == 0.5
    assert run.shown[-1].labels == 3


def test_labels_stay_in_kafka_until_the_first_alerts_were_read() -> None:
    turning = Turning([alert("a")], [alert("b")], "caught up", [])
    run = Run(turning)
    assert turning.calls == [f"pause {TOPICS.labels}", f"resume {TOPICS.labels}"]
    assert run.readiness[0] == "Kafka has not answered yet"
    assert set(run.readiness[1:4]) == {"the alerts that are there already are being read"}
    assert run.readiness[4] is None


def test_no_label_is_judged_before_the_alerts_of_an_absence_were_read() -> None:
    away = ["away", [], [], [], "back", [], [], [alert("a")], "caught up", [], [], []]
    turning = Turning("caught up", [label("a")], *away)
    run = Run(turning)
    assert run.shown[-1].true_positives == 1
    assert "Kafka does not answer" in run.readiness
    assert turning.calls == [f"{verb} {TOPICS.labels}" for verb in ["pause", "resume"] * 2]

    there = [[]] * (len(away) - 5)
    run = Run(Turning("caught up", [label("a")], *there, [alert("a")], [], []))
    assert run.shown[-1].false_negatives == 1


def test_a_stop_reads_what_is_there_and_judges_what_is_held() -> None:
    run = Run(Turning("caught up", [label("a")], "stop", [alert("a"), label("b")]))
    assert run.shown[-1] == QualityReport(
        true_positives=1,
        false_positives=0,
        true_negatives=0,
        false_negatives=1,
        precision=1.0,
        recall=0.5,
        amount_caught=10.0,
        amount_missed=10.0,
        alerts=1,
        labels=2,
    )


def test_a_stop_before_the_first_alerts_were_read_still_reads_the_labels() -> None:
    turning = Turning([alert("a")], "stop", [label("a")])
    assert Run(turning).shown[-1].true_positives == 1
    assert turning.calls[-1] == f"resume {TOPICS.labels}"


def test_a_stop_without_kafka_says_that_the_figures_are_of_a_part(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run(Turning("caught up", [label("a")], kafka_answers=False))
    assert run.shown[-1].false_negatives == 1
    assert "Stopped before the end of the topics" in caplog.text


def test_a_stop_gives_up_on_topics_without_end(caplog: pytest.LogCaptureFixture) -> None:
    endless = [[label(f"n{number}")] for number in range(100)]
    turning = Turning("caught up", [], "stop", *endless)
    run = Run(turning)
    assert 0 < run.shown[-1].labels <= consumer.quality.monitor.CLOSING_SECONDS + 1
    assert "Stopped before the end of the topics" in caplog.text


def test_held_labels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer.quality.monitor, "HELD_MAXIMUM", 2)
    turning = Turning("caught up", [], [label("a"), label("b")], [], [], [])
    run = Run(turning)
    assert turning.calls == [f"{verb} {TOPICS.labels}" for verb in ["pause", "resume"] * 2]
    assert run.shown[-1].labels == 2


def test_only_changes_are_shown_and_the_closing_figures_are_last() -> None:
    run = Run(Turning("caught up", [], [], [label("a", 0)], [], [], [], [], []))
    assert [figures.labels for figures in run.shown] == [0, 1]


def test_figures_of_nothing_are_shown_once() -> None:
    (nothing,) = Run(Turning("caught up")).shown
    assert nothing.labels == 0


def test_the_unreadable_and_the_late_are_told(caplog: pytest.LogCaptureFixture) -> None:
    rubbish = [
        Record(TOPICS.labels, b"x"),
        Record(TOPICS.labels, b"y"),
        Record(TOPICS.alerts, b"z"),
    ]
    with caplog.at_level(logging.WARNING):
        Run(Turning("caught up", rubbish, [label("a")], [], [], [], [alert("a")]))
    assert sum("What is no label" in line for line in caplog.messages) == 1
    assert "3 records could not be read" in caplog.text
    assert "1 alerts came after their label" in caplog.text


def test_a_loop_that_hangs_is_unhealthy() -> None:
    turning = Turning("caught up")
    run = Run(turning)
    assert run.monitor.healthy() is None
    turning.now += STUCK_SECONDS
    assert "has not moved" in (run.monitor.healthy() or "")
