"""Where the outputs in memory come from."""

from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError

from consumer.commit.output_positions import advance
from events.codec import source_header
from events.topics import Topics
from tests.order.external import ExternalCall
from tests.order.memory import Broker, Status, kafka_exception


class MemoryOutputPositions:
    """Reads all outputs at once; see `consumer.detector.protocols.OutputPositions`."""

    def __init__(self, broker: Broker, topics: Topics, group: str, external: ExternalCall) -> None:
        self._broker = broker
        self._topics = topics
        self._group = group
        self._external = external

    def next_offsets(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        def effect() -> Mapping[int, int]:
            outputs = (self._topics.alerts, self._topics.dead_letters)
            records = [
                record
                for place, log in self._broker.logs.items()
                if place[0] in outputs
                for record in log
            ]
            if any(
                record.transaction and record.transaction.status is Status.OPEN
                for record in records
            ):
                raise kafka_exception(KafkaError.UNSTABLE_OFFSET_COMMIT, retriable=True)
            found = dict.fromkeys(partitions, 0)
            mark = source_header(self._group, topic_id)
            for record in records:
                if record.readable:
                    advance(found, record, mark, self._topics)
            return found

        return self._external("read outputs", effect)
