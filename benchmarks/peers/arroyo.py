"""sentry-arroyo: `BatchStep`, `Unfold` that scores, `Produce`, `CommitOffsets`."""

from collections.abc import Iterable, Mapping

from arroyo.backends.kafka import KafkaConsumer, KafkaPayload, KafkaProducer
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import (
    BatchStep,
    CommitOffsets,
    ProcessingStrategy,
    ProcessingStrategyFactory,
    Produce,
    Unfold,
)
from arroyo.processing.strategies.batching import ValuesBatch
from arroyo.types import Commit, Partition, Topic, Value

from benchmarks.peers.batches import BatchScoring, encode
from benchmarks.peers.job import BATCH, CONSUMER_SETTINGS, Job


class Factory(ProcessingStrategyFactory[KafkaPayload]):
    """Creates the chain of steps whenever partitions are assigned."""

    def __init__(self, job: Job) -> None:
        self._find = BatchScoring(job)
        self._alerts = Topic(job.alerts)
        self._producer = KafkaProducer({"bootstrap.servers": job.broker})

    def create_with_partitions(
        self, commit: Commit, _partitions: Mapping[Partition, int]
    ) -> ProcessingStrategy[KafkaPayload]:
        """Return the first step."""
        produce = Produce(self._producer, self._alerts, CommitOffsets(commit))
        return BatchStep(BATCH, 0.1, Unfold(self._unfold, produce))

    def _unfold(self, batch: ValuesBatch[KafkaPayload]) -> Iterable[Value[KafkaPayload]]:
        for alert in self._find([value.payload.value for value in batch]):
            yield Value(KafkaPayload(alert.key, encode(alert), []), {}, None)


def main(job: Job) -> None:
    """Run for ever; commit offsets once a second, after their alerts are delivered."""
    consumer = KafkaConsumer(
        build_kafka_consumer_configuration(
            {**CONSUMER_SETTINGS},
            job.group,
            auto_offset_reset="earliest",
            bootstrap_servers=[job.broker],
            # The default prefetches 10,000 records only, to save memory.
            queued_min_messages=100_000,
        )
    )
    StreamProcessor(consumer, Topic(job.transactions), Factory(job)).run()


if __name__ == "__main__":
    main(Job.of_this_program())
