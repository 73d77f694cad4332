"""The quality monitor's loop, with a scripted reader and a clock turned by hand."""

import logging
from collections.abc import Sequence
from typing import Literal

import pytest
from prometheus_client import CollectorRegistry

import consumer.quality.monitor
from consumer.quality.label_join import LabelJoin, QualityReport
from consumer.quality.metrics import QualityMetrics
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


def label(name: str, kind: Literal[0, 1] = 1) -> Record:
    return Record(TOPICS.labels, encode(Label(name, 0, 10.0, kind)))


Step = Sequence[Record] | str


class ScriptedReader:
    """A topic reader whose every `read` is the next step of a script, a second long; then a stop.

    A step is a list of records, or a text: "away" and "back" begin and end an outage, "behind" has
    alerts written that are not read before "caught up", "stop" stops the monitor.
    """

    def __init__(self, *steps: Step, kafka_answers: bool = True) -> None:
        self.steps = list(steps)
        self.now = 1000.0
        self.is_broker_away = False
        self.calls: list[str] = []
        self.caught_up = False
        self.kafka_answers = kafka_answers
        self.snapshots = 0

    def clock(self) -> float:
        return self.now

    def stopped(self) -> bool:
        return not self.steps or self.steps[0] == "stop"

    def read(self) -> Sequence[Record]:
        self.now += 1.0
        if self.steps and self.steps[0] == "stop":
            self.steps.pop(0)
        step: Step = self.steps.pop(0) if self.steps else []
        if not isinstance(step, str):
            return step
        if step in {"away", "back"}:
            self.is_broker_away = step == "away"
        if step in {"away", "back", "behind"}:
            self.caught_up = False
        self.caught_up = self.caught_up or step == "caught up"
        return []

    def has_caught_up(self, topics: Sequence[str]) -> bool:
        if len(topics) == 2:  # at the end, all of both
            return not [step for step in self.steps if step != "stop"]
        return self.caught_up

    def snapshot_ends(self) -> bool:
        self.snapshots += 1
        return self.kafka_answers

    def pause(self, topic: str) -> None:
        self.calls.append(f"pause {topic}")

    def resume(self, topic: str) -> None:
        self.calls.append(f"resume {topic}")


class Run:
    """A monitor run over a script, and the reports that it showed."""

    def __init__(self, reader: ScriptedReader) -> None:
        self.registry = CollectorRegistry()
        self.shown: list[QualityReport] = []
        self.monitor = QualityMonitor(
            TOPICS,
            LabelJoin(grace=GRACE),
            QualityMetrics(self.registry),
            show=self.shown.append,
            every=0.0,
            clock=reader.clock,
        )
        self.readiness: list[str | None] = [self.monitor.ready()]
        read = reader.read

        def watched() -> Sequence[Record]:
            self.readiness.append(self.monitor.ready())
            return read()

        reader.read = watched  # type: ignore[method-assign]
        self.monitor.run(reader, stopped=reader.stopped)  # type: ignore[arg-type]

    def exported(self, name: str, outcome: str) -> float | None:
        return self.registry.get_sample_value(name, {"outcome": outcome})


def test_outcomes_are_counted_exported_and_shown() -> None:
    run = Run(
        ScriptedReader("caught up", [alert("a")], [label("a"), label("b"), label("c", 0)], [], [])
    )
    assert run.exported("fraud_labels_total", "true_positive") == 1
    assert run.exported("fraud_labels_total", "false_negative") == 1
    assert run.exported("fraud_labels_total", "true_negative") == 1
    assert run.exported("fraud_labels_total", "false_positive") == 0
    assert run.exported("fraud_amount_total", "false_negative") == 10.0
    assert run.shown[-1].recall == 0.5
    assert run.shown[-1].labels == 3


def test_labels_stay_in_kafka_until_the_first_alerts_were_read() -> None:
    reader = ScriptedReader([alert("a")], [alert("b")], "caught up", [])
    run = Run(reader)
    assert reader.calls == [f"pause {TOPICS.labels}", f"resume {TOPICS.labels}"]
    assert run.readiness[0] == "Kafka has not answered yet"
    assert set(run.readiness[1:4]) == {"earlier alerts are still being read"}
    assert run.readiness[4] is None


def test_no_label_is_judged_before_the_alerts_of_an_outage_were_read() -> None:
    outage: list[Step] = ["away", [], [], [], "back", [], [], [alert("a")], "caught up", *[[]] * 3]
    reader = ScriptedReader("caught up", [label("a")], *outage)
    run = Run(reader)
    assert run.shown[-1].true_positives == 1
    assert "Kafka does not answer" in run.readiness
    assert reader.snapshots == 3  # after the outage, before the label is judged, at the stop
    assert reader.calls == [f"{verb} {TOPICS.labels}" for verb in ["pause", "resume"] * 2]

    silence: list[Step] = [[]] * (len(outage) - 5)
    run = Run(ScriptedReader("caught up", [label("a")], *silence, [alert("a")], [], []))
    assert run.shown[-1].false_negatives == 1


def test_a_label_waits_for_the_alerts_that_were_written_in_its_grace_period() -> None:
    slow: list[Step] = ["behind", [], [], [], [alert("a")], "caught up", []]
    run = Run(ScriptedReader("caught up", [label("a")], *slow))
    assert run.shown[-1].true_positives == 1
    assert run.readiness[-1] is None

    fast: list[Step] = [[], [], [], [alert("a")], []]
    assert Run(ScriptedReader("caught up", [label("a")], *fast)).shown[-1].false_negatives == 1


def test_a_label_waits_while_the_end_of_the_alerts_is_not_known() -> None:
    reader = ScriptedReader("caught up", [label("a")], *[[]] * 4, [alert("a")], [])
    reader.snapshot_ends = lambda: len(reader.steps) <= 1  # type: ignore[method-assign]
    assert Run(reader).shown[-1].true_positives == 1


def test_a_stop_reads_to_the_end_and_judges_the_held_labels() -> None:
    run = Run(ScriptedReader("caught up", [label("a")], "stop", [alert("a"), label("b")]))
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
    reader = ScriptedReader([alert("a")], "stop", [label("a")])
    assert Run(reader).shown[-1].true_positives == 1
    assert reader.calls[-1] == f"resume {TOPICS.labels}"


def test_a_stop_during_an_outage_warns_that_the_report_is_incomplete(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run(ScriptedReader("caught up", [label("a")], kafka_answers=False))
    assert run.shown[-1].false_negatives == 1
    assert "Stopped before the end of the topics" in caplog.text


def test_a_stop_gives_up_on_topics_that_keep_growing(caplog: pytest.LogCaptureFixture) -> None:
    endless = [[label(f"n{number}")] for number in range(100)]
    reader = ScriptedReader("caught up", [], "stop", *endless)
    run = Run(reader)
    assert 0 < run.shown[-1].labels <= consumer.quality.monitor.CLOSING_SECONDS + 1
    assert "Stopped before the end of the topics" in caplog.text


def test_held_labels_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer.quality.monitor, "HELD_MAXIMUM", 2)
    reader = ScriptedReader("caught up", [], [label("a"), label("b")], [], [], [])
    run = Run(reader)
    assert reader.calls == [f"{verb} {TOPICS.labels}" for verb in ["pause", "resume"] * 2]
    assert run.shown[-1].labels == 2


def test_only_changes_are_shown_and_the_final_report_is_last() -> None:
    run = Run(ScriptedReader("caught up", [], [], [label("a", 0)], [], [], [], [], []))
    assert [report.labels for report in run.shown] == [0, 1]


def test_an_empty_report_is_shown_once() -> None:
    (report,) = Run(ScriptedReader("caught up")).shown
    assert report.labels == 0


def test_undecodable_records_and_late_alerts_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    rubbish = [
        Record(TOPICS.labels, b"x"),
        Record(TOPICS.labels, b"y"),
        Record(TOPICS.alerts, b"z"),
    ]
    with caplog.at_level(logging.WARNING):
        Run(ScriptedReader("caught up", rubbish, [label("a")], [], [], [], [alert("a")]))
    assert sum("no labels" in line for line in caplog.messages) == 1
    assert "3 records could not be decoded" in caplog.text
    assert "1 alerts arrived after their label" in caplog.text


def test_a_loop_that_hangs_is_unhealthy() -> None:
    reader = ScriptedReader("caught up")
    run = Run(reader)
    assert run.monitor.healthy() is None
    reader.now += STUCK_SECONDS
    assert "has not moved" in (run.monitor.healthy() or "")
