"""A process of its own that joins a group and makes one commit, and stands still in the middle.

python -m tests.support.commit_once BROKER TOPIC ALERTS TIMEOUT LIMIT

Says "here" where it stands still, before the offsets are sent, and goes on when it is sent a line.
TIMEOUT is that of the commit and LIMIT the watchdog's, in seconds.
"""

import sys
from functools import partial

from confluent_kafka import Consumer, TopicPartition

from consumer.commit.exactly_once import ExactlyOnce
from consumer.commit.sink import CommitStep, OutputRecord
from consumer.commit.watchdog import Watchdog, WatchedSink
from errors import FraudstreamError
from kafkaio.clients import make_producer
from kafkaio.settings import KafkaSettings


def main(broker: str, topic: str, alerts: str, timeout: str, limit: str) -> int:
    settings = KafkaSettings(broker)

    def hook(step: CommitStep) -> None:
        if step is CommitStep.OFFSETS:
            print("here", flush=True)
            sys.stdin.readline()

    consumer = Consumer(settings.client({"group.id": alerts, "log_level": 0}))
    consumer.subscribe([topic])
    while not consumer.assignment():
        consumer.poll(0.1)
    sink = ExactlyOnce(
        partial(make_producer, settings.client({"transactional.id": alerts, "log_level": 0})),
        consumer,
        timeout=float(timeout),
        hook=hook,
    )
    try:
        sink.open()  # not watched: on a busy machine it may take longer than LIMIT
        with Watchdog(float(limit)) as watchdog:
            WatchedSink(sink, watchdog).commit(
                [OutputRecord(alerts, b"key", b"value")], [TopicPartition(topic, 0, 1)]
            )
    except FraudstreamError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
