"""What a commit waits for: `python -m benchmarks.speed.round_trips`.

Makes commits of one alert and one offset each, exactly-once and at-least-once, with the detector's
own clients on an embedded Kafka, at an even pace. From librdkafka's protocol log it reports each
request's round trips a commit and their duration; then the duration of the whole commit, and the
time from its end until a `read_committed` subscriber has the alert. It takes a minute.
"""

import argparse
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from benchmarks.harness import report
from benchmarks.harness.command import command_parser, positive, publish, run_command
from benchmarks.harness.subscriber import Subscriber
from broker.server import EmbeddedBroker
from consumer.commit.at_least_once import AtLeastOnce
from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.kafka_sink import producer_settings
from consumer.commit.sink import CommitSink, OutputRecord
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.progress import progress_bar
from kafkaio.clients import make_consumer, make_producer, member_settings
from kafkaio.settings import LIBRDKAFKA_LOGGER, KafkaSettings
from kafkaio.topics import create_topics
from model.artifact import markdown

PERCENTILES = (50, 99)
PARTITIONS = 4
ALERT_SECONDS = 30.0
COMMITTING = (
    "AddPartitionsToTxn",
    "AddOffsetsToTxn",
    "Produce",
    "TxnOffsetCommit",
    "OffsetCommit",
    "EndTxn",
)
"""The requests of a commit; the others keep the client informed."""

SINKS: dict[str, Callable[..., CommitSink]] = {
    "exactly-once": ExactlyOnce,
    "at-least-once": AtLeastOnce,
}

_RECEIVED = re.compile(r"Received (\w+)Response \(.*rtt ([\d.]+)ms")


class ProtocolLog(logging.Handler):
    """Collects the duration of each request from librdkafka's log.

    Attributes:
        milliseconds: of the round trips, by request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.milliseconds: dict[str, list[float]] = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the log."""
        received = _RECEIVED.search(record.getMessage())
        if received:
            self.milliseconds[received[1]].append(float(received[2]))


@dataclass(frozen=True, slots=True)
class CommitTimes:
    """The durations of one guarantee's commits, in milliseconds.

    Attributes:
        requests: of the round trips, by request.
        commits: of each commit.
        visible: from the end of each commit until a subscriber has its alert; negative where it
            has it before.
    """

    requests: Mapping[str, Sequence[float]]
    commits: Sequence[float]
    visible: Sequence[float]


@contextmanager
def protocol_log() -> Iterator[ProtocolLog]:
    """Collect librdkafka's protocol log during the block, and show none of it."""
    logger, log = logging.getLogger(LIBRDKAFKA_LOGGER), ProtocolLog()
    level, logger.propagate = logger.level, False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(log)
    try:
        yield log
    finally:
        logger.removeHandler(log)
        logger.setLevel(level)
        logger.propagate = True


def measure(
    settings: KafkaSettings,
    delivery: str,
    commits: int,
    pause: float,
    *,
    warm_up: int,
    advance: Callable[[int], None],
) -> CommitTimes:
    """Make commits and measure them.

    Args:
        settings: how to reach Kafka.
        delivery: a key of `SINKS`.
        commits: that count.
        pause: seconds between two.
        warm_up: commits before those that count.
        advance: called with 1 after each.
    """
    topics = Topics(f"{delivery}.")
    create_topics(settings, topics.all(), partitions=PARTITIONS, retention=None)
    logged = KafkaSettings(settings.broker, {"debug": "protocol"})
    with Subscriber(settings, [topics.alerts]) as subscriber, protocol_log() as log:
        consumer = _member(logged, topics, delivery)
        transactional_id = delivery if delivery == "exactly-once" else None
        producer = producer_settings(
            logged, transactional_id=transactional_id, on_error=lambda _error: None
        )
        sink = SINKS[delivery](partial(make_producer, producer), consumer)
        sink.open()
        ends: dict[bytes, int] = {}
        durations = []
        for number in range(warm_up + commits):
            if number == warm_up:
                log.milliseconds.clear()
            key = b"%d" % number
            started = time.monotonic_ns()
            sink.commit(
                [OutputRecord(topics.alerts, key, bytes(200))],
                [TopicPartition(topics.transactions, number % PARTITIONS, number)],
            )
            ends[key] = time.monotonic_ns()
            durations.append((ends[key] - started) / 1e6)
            consumer.poll(pause)  # the log and the group are served here
            advance(1)
        arrivals = subscriber.wait_for(ends, seconds=ALERT_SECONDS)
        consumer.close()
    visible = [(arrivals[key][0] - end) / 1e6 for key, end in ends.items()]
    return CommitTimes(log.milliseconds, durations[warm_up:], visible[warm_up:])


def _member(settings: KafkaSettings, topics: Topics, group: str) -> Consumer:
    """Return a consumer that the group has assigned partitions to."""
    consumer = make_consumer(
        member_settings(
            settings, group, on_error=lambda _error: None, on_statistics=lambda _text: None
        )
    )
    consumer.subscribe([topics.transactions])
    while not consumer.assignment():
        consumer.poll(0.1)
    consumer.pause(consumer.assignment())
    return consumer


def table(measured: Mapping[str, CommitTimes]) -> str:
    """Return the durations as a Markdown table."""
    rows = []
    for delivery, times in measured.items():
        count = len(times.commits)
        rows += [
            [f"{delivery}: {request}", f"{len(taken) / count:.1f}", *_ms(taken)]
            for request in COMMITTING
            if (taken := times.requests.get(request))
        ]
        rows.append([f"{delivery}: the whole commit", "", *_ms(times.commits)])
        rows.append([f"{delivery}: then until a reader has the alert", "", *_ms(times.visible)])
    headers = ["", "round trips a commit", *(f"p{percent}, ms" for percent in PERCENTILES)]
    return markdown.table(headers, rows, align="lr", padded=True)


def _ms(values: Sequence[float]) -> list[str]:
    return [f"{value:.2f}" for value in np.percentile(values, PERCENTILES)]


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.speed.round_trips", __doc__)
    parser.add_argument("--commits", type=int, default=500, help="that count; default 500")
    parser.add_argument("--warm-up", type=int, default=200, help="commits before; default 200")
    parser.add_argument(
        "--pause", type=positive, default=0.05, help="seconds between two; default 0.05"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write it to")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, write."""
    machine = report.machine()
    total = len(SINKS) * (arguments.warm_up + arguments.commits)
    with (
        EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker,
        progress_bar("Committing", total, unit="commits") as advance,
    ):
        measured = {
            delivery: measure(
                KafkaSettings(broker.address),
                delivery,
                arguments.commits,
                arguments.pause,
                warm_up=arguments.warm_up,
                advance=advance,
            )
            for delivery in SINKS
        }
    conditions = (
        f"`python -m benchmarks.speed.round_trips`, on {machine}, with Apache Kafka "
        f"{EmbeddedBroker.version} and the subscriber beside it; {arguments.commits} commits of "
        f"one alert, {arguments.pause * 1000:g} ms apart, after {arguments.warm_up} that do not "
        "count."
    )
    publish(f"{conditions}\n\n{table(measured)}", arguments.report, "round trips")


if __name__ == "__main__":
    run_command(parser(), run)
