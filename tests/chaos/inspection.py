"""Read every topic to its end and compare input and output."""

from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from confluent_kafka import Message
from msgspec import UNSET

from events.codec import decode_alert, decode_journal_entry, read_dead_letter
from events.errors import PayloadError
from events.messages import Alert, DeadLetter, Headers
from tests.chaos.published import InputRecord, Place, Published, compare_with
from tests.chaos.reading import committed_offsets, end_offsets, read_committed
from tests.chaos.stream import POISON, number_of
from tests.chaos.testbed import GROUP, RunContext
from tests.chaos.verify import Verdict, check_journal, compare


def inspect(context: RunContext) -> Verdict:
    """Read all topics and return the verdict.

    Raises:
        UnreadableError: if a topic cannot be read to its end.
    """
    settings, topics = context.settings, context.topics
    ends = end_offsets(settings, topics.transactions)
    records = map(_input_record, read_committed(settings, topics.transactions))
    published = compare_with(context.stream, len(ends), records)
    alerts = [decode_alert(message.value()) for message in read_committed(settings, topics.alerts)]
    letters = [_letter(message) for message in read_committed(settings, topics.dead_letters)]
    journal = [
        decode_journal_entry(message.value())
        for message in read_committed(settings, topics.journal)
    ]
    committed = committed_offsets(settings, topics.transactions, GROUP)
    return Verdict(
        published=published.count,
        poison=len(published.rejected),
        repeated=published.repeated,
        input_problems=tuple(published.problems),
        alerts=compare(published.flagged, map(_place, alerts)),
        altered=(
            *_altered_alerts(alerts, published),
            *_altered_letters(letters, published, context),
        ),
        dead_letters=compare(published.rejected, map(_place, letters)),
        coverage=check_journal(published, journal),
        offsets=tuple(zip(committed, end_offsets(settings, topics.transactions), strict=True)),
    )


def _input_record(message: Message) -> InputRecord:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return InputRecord(
        partition,
        offset,
        (_bytes(message.key()) or b"").decode(errors="replace"),
        _bytes(message.value()),
        [name for name, _ in _headers(message)],
        message.timestamp()[1],
    )


def _place(output: Alert | DeadLetter) -> Place:
    """Return the place of the record that an output was raised for."""
    if output.partition is UNSET or output.offset is UNSET:
        return -1, -1
    return output.partition, output.offset


def _altered_alerts(alerts: list[Alert], published: Published) -> Iterator[str]:
    """Yield alerts that contradict their transaction, or each other."""
    decisions: dict[Place, set[tuple[object, ...]]] = defaultdict(set)
    for alert in alerts:
        place = partition, offset = _place(alert)
        if alert.score < alert.threshold:
            yield f"{alert.transaction_id} has a score below the threshold"
        if alert.event_time_ms != published.times.get(place):
            yield f"{alert.transaction_id} has another event time"
        elif alert.transaction_id != published.ids[partition][offset]:
            yield f"{alert.transaction_id} is not the transaction at [{partition}] {offset}"
        decisions[place].add((alert.score, alert.threshold, alert.model_version, alert.Amount))
    for place, different in decisions.items():
        if len(different) > 1:
            yield f"[{place[0]}] {place[1]} has several alerts that differ: {different}"


def _altered_letters(
    letters: list[DeadLetter], published: Published, context: RunContext
) -> Iterator[str]:
    """Yield dead letters that differ from the record they stand for."""
    for letter in letters:
        if (letter.partition, letter.offset) not in published.times:
            continue  # unexpected
        identity = published.ids[letter.partition][letter.offset]
        content = (letter.topic, letter.key, letter.value, [header for header, _ in letter.headers])
        payload = context.stream.payload(number_of(identity), poisoned=True)
        if content != (context.topics.transactions, identity.encode(), payload, [POISON]):
            yield f"the dead letter of [{letter.partition}] {letter.offset} is another record"


def _letter(message: Message) -> DeadLetter:
    try:
        return read_dead_letter(_bytes(message.key()), _bytes(message.value()), _headers(message))
    except PayloadError as error:
        raise AssertionError(
            f"{message.topic()} [{message.partition()}] {message.offset()} is no dead letter"
        ) from error


def _bytes(value: object) -> bytes | None:
    assert value is None or isinstance(value, bytes)
    return value


def _headers(message: Message) -> Headers:
    return tuple(cast("list[tuple[str, bytes | None]]", message.headers() or []))
