"""Reads partitions from given offsets to given ends, without joining a group."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from kafkaio.clients import make_admin, make_consumer, reader_configuration
from kafkaio.error_codes import PARTITION_END, REQUEST_TIMED_OUT, TOPIC_MISSING, is_fatal
from kafkaio.errors import ClientFailedError, PermissionMissingError, TopicMissingError
from kafkaio.partitions import PartitionId, end_offsets, list_partitions
from kafkaio.permissions import Permission, explain_missing
from kafkaio.settings import KafkaSettings

HandleError = Callable[[KafkaError, PartitionId], None]
"""Called with an error that a consumer returns in place of a record; raises it or ignores it."""

WAIT_SECONDS = 0.1
"""How long one fetch waits for a first record, so that Ctrl-C is noticed soon."""

_ANSWER_SECONDS = 30.0


def raise_error(error: KafkaError, _partition: PartitionId) -> None:
    """Raise any error, except about the group, which has a name but is never used.

    Raises:
        KafkaException: with that error.
    """
    if error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
        raise KafkaException(error)


def raise_lasting(settings: KafkaSettings, error: KafkaError, partition: PartitionId) -> None:
    """Raise an error that waiting does not resolve, as a sentence; ignore any other.

    Raises:
        TopicMissingError: if the topic was deleted.
        PermissionMissingError: if Kafka does not permit reading it.
        ClientFailedError: if the client cannot continue.
    """
    topic, _ = partition
    if error.code() in TOPIC_MISSING:
        raise TopicMissingError(f"Topic {topic} no longer exists.")
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        missing = Permission("Read", "topic", topic)
        raise PermissionMissingError(explain_missing(settings, [missing]))
    if is_fatal(error):
        raise consumer_failed(error)


def consumer_failed(error: KafkaError) -> ClientFailedError:
    """Return the error of a consumer that cannot continue after a fatal error."""
    # librdkafka: "Fatal error: REASON: Fatal consumer error: REASON".
    reason = error.str().removeprefix("Fatal error: ").partition(": Fatal consumer error")[0]
    hint = "Each member of a group needs a group.instance.id of its own, or none."
    return ClientFailedError(
        f"The Kafka consumer cannot continue: {reason.rstrip('.')}.",
        hint=hint if "group.instance.id" in reason else None,
    )


def take_records(
    messages: Iterable[Message],
    positions: dict[PartitionId, int],
    handle_error: HandleError = raise_error,
) -> list[Message]:
    """Return the records among a consumer's messages, and move `positions` past them.

    A consumer returns the ends of partitions and errors in place of records. An end moves a
    position too, since the markers of transactions take offsets and are never returned.

    Args:
        messages: as `Consumer.consume` returned them.
        positions: by partition, the next offset to read; messages of other partitions are dropped.
        handle_error: called with each error.
    """
    records = []
    for message in messages:
        partition = (str(message.topic()), message.partition() or 0)
        error = message.error()
        if error is not None and error.code() != PARTITION_END:
            handle_error(error, partition)
        elif partition in positions:
            positions[partition] = (message.offset() or 0) + (error is None)
            if error is None:
                records.append(message)
    return records


def read_to_end(
    consumer: Consumer,
    starts: Mapping[PartitionId, int],
    ends: Mapping[PartitionId, int],
    *,
    batch_maximum: int = 10_000,
    fill_seconds: float = 0.0,
    silence_maximum: float | None = None,
    handle_error: HandleError = raise_error,
    may_continue: Callable[[], bool] = lambda: True,
    advance: Callable[[int], None] = lambda _offsets: None,
) -> Iterator[list[Message]]:
    """Yield batches of records from the given offsets up to the given ends.

    Args:
        consumer: configured by `reader_configuration`; its assignment is replaced.
        starts: by partition, the first offset to read.
        ends: by partition, the offset to stop before; that of an open transaction is waited for.
        batch_maximum: records in a batch, at most.
        fill_seconds: how long to wait for more after the first record of a batch.
        silence_maximum: seconds without any message after which to give up; None for never.
        handle_error: called with each error that the consumer returns.
        may_continue: called before each fetch; may block; False ends the reading.
        advance: called with the number of offsets passed, once their batch has been processed.

    Raises:
        KafkaException: if nothing came for `silence_maximum`, or by `handle_error`.
    """
    positions = {
        partition: offset for partition, offset in starts.items() if offset < ends[partition]
    }
    consumer.assign([TopicPartition(*partition, offset) for partition, offset in positions.items()])
    last_message = time.monotonic()
    while positions and may_continue():
        messages = consumer.consume(1, timeout=WAIT_SECONDS)
        if messages and batch_maximum > 1:
            messages += consumer.consume(batch_maximum - 1, timeout=fill_seconds)
        if messages:
            last_message = time.monotonic()
        elif silence_maximum is not None and time.monotonic() - last_message > silence_maximum:
            raise KafkaException(KafkaError(REQUEST_TIMED_OUT, "No answer"))
        before = sum(positions.values())
        records = [
            record
            for record in take_records(messages, positions, handle_error)
            if (record.offset() or 0) < ends[str(record.topic()), record.partition() or 0]
        ]
        for partition, offset in positions.items():
            positions[partition] = min(offset, ends[partition])
        passed = sum(positions.values()) - before
        _unassign(consumer, positions, ends)
        if records:
            yield records
        advance(passed)


def _unassign(
    consumer: Consumer, positions: dict[PartitionId, int], ends: Mapping[PartitionId, int]
) -> None:
    """Stop fetching partitions that have reached their ends."""
    finished = [partition for partition, offset in positions.items() if offset >= ends[partition]]
    for partition in finished:
        del positions[partition]
    if finished:
        consumer.incremental_unassign([TopicPartition(*partition) for partition in finished])


def read_topic(
    settings: KafkaSettings, topic: str, *, silence_maximum: float | None = None
) -> Iterator[Message]:
    """Yield every committed record of a topic, up to the end that it has at the first call.

    A transaction that is open then is waited for: a commit returns before its records are readable.

    Args:
        settings: how to reach Kafka.
        topic: which one.
        silence_maximum: seconds without a record, or another answer, after which to give up; None
            for never.

    Raises:
        TopicMissingError: if there is no such topic.
        KafkaException: if the topic cannot be read.
    """
    admin = make_admin(settings.client())
    timeout = _ANSWER_SECONDS if silence_maximum is None else silence_maximum
    partitions = list_partitions(admin, [topic], timeout=timeout)
    if not partitions:
        raise TopicMissingError(f"Kafka at {settings.broker} has no topic {topic}.")
    ends = end_offsets(admin, partitions, committed=False, timeout=timeout)
    consumer = make_consumer(reader_configuration(settings))
    try:
        for batch in read_to_end(
            consumer, dict.fromkeys(ends, 0), ends, silence_maximum=silence_maximum
        ):
            yield from batch
    finally:
        consumer.close()
