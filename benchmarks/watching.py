"""A detector with a stopwatch in its loop."""

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from benchmarks.errors import BenchmarkError
from benchmarks.stopwatch import Profile, Stage, Stopwatch
from consumer import decoding
from consumer.decoding import Decoder
from consumer.delivery import Step
from consumer.detector import Detector
from consumer.limit import DeadLetterLimit
from consumer.metrics import Trigger
from consumer.pending import Pending
from consumer.scoring import Scoring
from consumer.service import DetectorOptions, run_detector
from consumer.source import Received, Source
from events.settings import KafkaSettings
from events.topics import Topics

# The first batches of a drain are smaller and their memory is new; they are left out.
WARM_UP_SHARE = 0.2

# A step of a commit ends a stage and begins the next.
STEPS = {Step.BEGIN: Stage.PRODUCE, Step.OFFSETS: Stage.OFFSETS, Step.COMMIT: Stage.COMMIT}


def watch_detector(
    settings: KafkaSettings, topics: Topics, model: Path, records: int, group: str
) -> Profile:
    """Drain a topic in this process and return where the time went.

    Args:
        settings: how to reach Kafka.
        topics: whose `transactions` hold so many records.
        model: an artifact's folder.
        records: how many there are; the last of each partition need not be flagged.
        group: a new one, so that it begins at the topic's first record.

    Raises:
        BenchmarkError: if there are too few records to leave the first ones out.
        ConsumerError: if the detector cannot go on.
    """
    from model.scorer import Scorer

    stopwatch = Stopwatch()
    _time_stages(stopwatch)
    counting = Counting(stopwatch, records)
    counting.count_reads()
    run_detector(
        settings,
        topics,
        _options(group),
        lambda: Scorer.load(model, device="cpu"),
        stopped=counting.stopped,
        registry=CollectorRegistry(),
        reached=_Steps(stopwatch),
    )
    if counting.profile is None:
        raise BenchmarkError(f"{records:,} records are too few: they were drained in one batch.")
    return counting.profile


def _time_stages(stopwatch: Stopwatch) -> None:
    """Attach the stopwatch to the functions that are stages."""
    stages: list[tuple[Any, str, Stage]] = [
        (Source, "read", Stage.FETCH),
        (Decoder, "decode", Stage.DECODE),
        (decoding, "as_numbers", Stage.NUMBERS),
        (Scoring, "scores", Stage.SCORE),
        (Detector, "_alerts", Stage.ENCODE),
        (Detector, "_dead_letters", Stage.ENCODE),
        (Pending, "tell", Stage.METRICS),
        (Pending, "read", Stage.NOTES),
        (Pending, "to_commit", Stage.NOTES),
        (Detector, "_note", Stage.NOTES),
        (DeadLetterLimit, "check", Stage.NOTES),
    ]
    for owner, name, stage in stages:
        stopwatch.time(owner, name, stage)


class _Steps:
    """Hears of the steps of a commit."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch

    def __call__(self, step: Step) -> None:
        if step in (Step.OFFSETS, Step.COMMIT, Step.DONE):
            self._stopwatch.end()
        if stage := STEPS.get(step):
            self._stopwatch.begin(stage)


class Counting:
    """Begins to measure after the first records, and ends with the last one."""

    def __init__(self, stopwatch: Stopwatch, records: int) -> None:
        self._stopwatch = stopwatch
        self._records = records
        self.read = 0
        self._begun_at = 0
        self.profile: Profile | None = None

    def count_reads(self) -> None:
        """Count what each `Source.read` returns."""
        source: Any = Source
        read = source.read

        def counted(it: Source) -> tuple[list[Received], Trigger]:
            messages, trigger = read(it)
            self.read += len(messages)
            return messages, trigger

        source.read = counted

    def stopped(self) -> bool:
        """Tell the loop, which asks once a turn, whether all is read; a turn is never cut."""
        if not self._begun_at and self.read > WARM_UP_SHARE * self._records:
            self._begun_at = self.read
            self._stopwatch.restart()
        if self._begun_at and self.read >= self._records and self.profile is None:
            self.profile = self._stopwatch.profile(self.read - self._begun_at)
        return self.read >= self._records


def _options(group: str) -> DetectorOptions:
    """Return the command line's defaults."""
    return DetectorOptions(
        group=group,
        delivery="exactly-once",
        batch_maximum=16_384,
        wait_maximum=0.0,
        commit_interval=1.0,
        broker_timeout=60.0,
        dead_letter_ratio=0.5,
        dead_letters_in_a_row=1_000,
        journal=False,
        metrics_host="127.0.0.1",
        metrics_port=0,
    )
