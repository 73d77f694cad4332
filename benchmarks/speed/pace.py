"""How accurate a replay's pace is: `python -m benchmarks.speed.pace [RATE [SECONDS]]`.

Replays the twin at a fixed rate into an embedded Kafka, reads back when each record was sent (its
timestamp, in milliseconds), and prints the mean rate and the busiest 100 ms. The replay promises
a mean within 1 %, and no 100 ms with more than twice the rate.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.command import command_parser, positive, run_command
from broker.server import EmbeddedBroker
from dataset.twin import synthesize
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from producer.pace import Rate
from producer.replay import replay

WINDOW_MILLISECONDS = 100


def busiest_window(times: NDArray[np.int64]) -> int:
    """Return the most records in any `WINDOW_MILLISECONDS`; times are in ms, sorted."""
    ends = np.searchsorted(times, times + WINDOW_MILLISECONDS, side="left")
    return int(np.max(ends - np.arange(len(times))))


def measure(arguments: argparse.Namespace) -> None:
    """Replay, read back, print."""
    rate, seconds = arguments.rate, arguments.seconds
    rows = int(rate * seconds) + 1  # one more than gaps
    topics = Topics("pace.")
    with EmbeddedBroker(cache=cache_folder("kafka")) as broker:
        settings = KafkaSettings(broker.address)
        create_topics(settings, topics.all(), partitions=1, retention=None)
        report = replay(synthesize(rows, seed=3), settings, topics, pace=Rate(rate))
        stamps = [message.timestamp()[1] for message in read_topic(settings, topics.transactions)]
    times = np.sort(np.array(stamps, dtype=np.int64))
    mean = (len(times) - 1) / (times[-1] - times[0]) * 1000
    share = rate * WINDOW_MILLISECONDS / 1000
    print(f"requested          {rate:,.0f} a second for {seconds:g} s")
    print(f"delivered          {report.delivered:,} of {rows:,}")
    print(f"mean               {mean:,.1f} a second ({mean / rate - 1:+.2%})")
    print(f"busiest 100 ms     {busiest_window(times) / share:.2f} times the rate's share")


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.speed.pace", __doc__)
    parser.add_argument("rate", type=positive, nargs="?", default=5000.0, help="a second")
    parser.add_argument("seconds", type=positive, nargs="?", default=10.0)
    return parser


if __name__ == "__main__":
    run_command(parser(), measure)
