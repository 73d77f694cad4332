"""Read every topic to its end and compare input and output."""

from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from confluent_kafka import Message

from events.codec import decode_alert, decode_journal_entry, read_dead_letter
from events.errors import PayloadError
from events.messages import Alert, DeadLetter, Headers
from tests.chaos.reading import committed_offsets, end_offsets, read_committed
from tests.chaos.stream import POISON, id_of, number_at, number_of
from tests.chaos.testbed import GROUP, RunContext
from tests.chaos.verify import Published, Verdict, check_journal, compare


def inspect(context: RunContext) -> Verdict:
    """Read all topics and return the verdict.

    Raises:
        UnreadableError: if a topic cannot be read to its end.
    """
    settings, topics, stream = context.settings, context.topics, context.stream
    published, times, problems = _read_input(context)
    flagged = [
        identity
        for partition, ids in published.ids.items()
        for identity, poison in zip(ids, published.poisoned[partition], strict=True)
        if not poison and stream.is_flagged(number_of(identity))
    ]
    alerts = [decode_alert(message.value()) for message in read_committed(settings, topics.alerts)]
    letters = [_letter(message) for message in read_committed(settings, topics.dead_letters)]
    poison_offsets = [
        (partition, offset)
        for partition, poisoned in published.poisoned.items()
        for offset, poison in enumerate(poisoned)
        if poison
    ]
    journal = [
        decode_journal_entry(message.value())
        for message in read_committed(settings, topics.journal)
    ]
    committed = committed_offsets(settings, topics.transactions, GROUP)
    return Verdict(
        published=published.count,
        poison=len(poison_offsets),
        input_problems=tuple(problems),
        alerts=compare(flagged, (alert.transaction_id for alert in alerts)),
        altered=(*_altered_alerts(alerts, times), *_altered_letters(letters, context)),
        dead_letters=compare(
            poison_offsets, ((letter.partition, letter.offset) for letter in letters)
        ),
        coverage=check_journal(published, journal),
        offsets=tuple(zip(committed, end_offsets(settings, topics.transactions), strict=True)),
    )


def _read_input(context: RunContext) -> tuple[Published, dict[str, int], list[str]]:
    """Return the input's records, each id's event time in ms, and problems with the input."""
    partitions = range(len(end_offsets(context.settings, context.topics.transactions)))
    ids: dict[int, list[str]] = {partition: [] for partition in partitions}
    poisoned: dict[int, list[bool]] = {partition: [] for partition in partitions}
    times: dict[str, int] = {}
    problems: list[str] = []
    for message in read_committed(context.settings, context.topics.transactions):
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        identity = _key(message)
        poison = any(header == POISON for header, _ in _headers(message))
        expected = number_at(partition, len(ids[partition]))
        if identity != id_of(expected) or offset != len(ids[partition]):
            problems.append(f"[{partition}] {offset} is {identity} and not {id_of(expected)}")
        elif message.value() != context.stream.payload(expected, poisoned=poison):
            problems.append(f"[{partition}] {offset} does not have the payload of {identity}")
        ids[partition].append(identity)
        poisoned[partition].append(poison)
        times[identity] = message.timestamp()[1]
    return Published(ids, poisoned), times, problems


def _altered_alerts(alerts: list[Alert], times: dict[str, int]) -> Iterator[str]:
    """Yield alerts that contradict their transaction, or each other."""
    decisions: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for alert in alerts:
        if alert.score < alert.threshold:
            yield f"{alert.transaction_id} has a score below the threshold"
        if alert.event_time_ms != times.get(alert.transaction_id):
            yield f"{alert.transaction_id} has another event time"
        decisions[alert.transaction_id].add(
            (alert.score, alert.threshold, alert.model_version, alert.Amount)
        )
    for identity, different in decisions.items():
        if len(different) > 1:
            yield f"{identity} has several alerts that differ: {different}"


def _altered_letters(letters: list[DeadLetter], context: RunContext) -> Iterator[str]:
    """Yield dead letters that differ from the record they stand for."""
    for letter in letters:
        number = number_at(letter.partition, letter.offset)
        content = (letter.topic, letter.key, letter.value, [header for header, _ in letter.headers])
        payload = context.stream.payload(number, poisoned=True)
        if content != (context.topics.transactions, id_of(number).encode(), payload, [POISON]):
            yield f"the dead letter of [{letter.partition}] {letter.offset} is another record"


def _letter(message: Message) -> DeadLetter:
    try:
        return read_dead_letter(_bytes(message.key()), _bytes(message.value()), _headers(message))
    except PayloadError as error:
        raise AssertionError(
            f"{message.topic()} [{message.partition()}] {message.offset()} is no dead letter"
        ) from error


def _key(message: Message) -> str:
    return (_bytes(message.key()) or b"").decode(errors="replace")


def _bytes(value: object) -> bytes | None:
    assert value is None or isinstance(value, bytes)
    return value


def _headers(message: Message) -> Headers:
    return tuple(cast("list[tuple[str, bytes | None]]", message.headers() or []))
