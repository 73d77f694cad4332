"""The id of the in-memory Kafka's input topic."""

from tests.order.memory import Broker


class MemoryIdentity:
    """Knows the topic's id at once; see `consumer.detector.protocols.TopicIdentity`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def look(self) -> str | None:
        return self._broker.topic_id

    confirm = look
