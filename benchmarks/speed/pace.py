"""How accurate a replay's pace is: `python -m benchmarks.speed.pace [RATE [SECONDS]]`.

Replays the twin at a fixed rate into an embedded Kafka, reads the moment at which each record was
sent (its timestamp, in milliseconds) back from the topic, and prints the mean rate and the busiest
100 ms. The promise is a mean within 1 %, and no 100 ms with more than twice the rate.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from broker.server import EmbeddedBroker
from dataset.twin import synthesize
from events.topics import Topics
from fraudstream.cache import cache_folder
from fraudstream.logs import log_to_stderr
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from producer.pace import Rate
from producer.replay import replay

WINDOW_MILLISECONDS = 100


def busiest_window(times: NDArray[np.int64]) -> int:
    """Return the most records in any `WINDOW_MILLISECONDS`, given their sorted times in ms."""
    ends = np.searchsorted(times, times + WINDOW_MILLISECONDS, side="left")
    return int(np.max(ends - np.arange(len(times))))


def main(rate: float = 5000, seconds: float = 10) -> None:
    """Replay, read back, print."""
    log_to_stderr()
    rows = int(rate * seconds) + 1  # so many gaps as the rate says
    topics = Topics("pace.")
    with EmbeddedBroker(cache=cache_folder("kafka")) as broker:
        settings = KafkaSettings(broker.address)
        create_topics(settings, topics.all(), partitions=1, retention=None)
        report = replay(synthesize(rows, seed=3), settings, topics, pace=Rate(rate))
        stamps = [message.timestamp()[1] for message in read_topic(settings, topics.transactions)]
    times = np.sort(np.array(stamps, dtype=np.int64))
    mean = (len(times) - 1) / (times[-1] - times[0]) * 1000
    share = rate * WINDOW_MILLISECONDS / 1000
    print(f"asked for          {rate:,.0f} a second for {seconds:g} s")
    print(f"delivered          {report.delivered:,} of {rows:,}")
    print(f"mean               {mean:,.1f} a second ({mean / rate - 1:+.2%})")
    print(f"busiest 100 ms     {busiest_window(times) / share:.2f} times the rate's share")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:3]))
