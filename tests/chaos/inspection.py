"""Gathering the evidence: every topic read to its end, and the verdict on it."""

from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from confluent_kafka import Message

from events.codec import decode_alert, decode_journal_entry, read_dead_letter
from events.errors import PayloadError
from events.messages import Alert, DeadLetter, Headers
from tests.chaos.building import GROUP, Place
from tests.chaos.reading import committed_offsets, end_offsets, read_committed
from tests.chaos.stream import PARTITIONS, POISON, name, number_of
from tests.chaos.verify import Published, Verdict, check_journal, compare


def inspect(place: Place) -> Verdict:
    """Read everything and compare.

    Raises:
        UnreadableError: if a topic does not come to its end.
    """
    settings, topics, stream = place.settings, place.topics, place.stream
    published, times, problems = _read_input(place)
    flagged = [
        identity
        for partition, names in published.ids.items()
        for identity, bad in zip(names, published.poisoned[partition], strict=True)
        if not bad and stream.is_flagged(number_of(identity))
    ]
    alerts = [decode_alert(message.value()) for message in read_committed(settings, topics.alerts)]
    letters = [_letter(message) for message in read_committed(settings, topics.dead_letters)]
    poison = [
        (partition, offset)
        for partition, bads in published.poisoned.items()
        for offset, bad in enumerate(bads)
        if bad
    ]
    journal = [
        decode_journal_entry(message.value())
        for message in read_committed(settings, topics.journal)
    ]
    committed = committed_offsets(settings, topics.transactions, GROUP)
    return Verdict(
        published=published.count,
        poison=len(poison),
        input_problems=tuple(problems),
        alerts=compare(flagged, (alert.transaction_id for alert in alerts)),
        altered=(*_altered_alerts(alerts, times), *_altered_letters(letters, place)),
        dead_letters=compare(poison, ((letter.partition, letter.offset) for letter in letters)),
        coverage=check_journal(published, journal),
        offsets=tuple(zip(committed, end_offsets(settings, topics.transactions), strict=True)),
    )


def _read_input(place: Place) -> tuple[Published, dict[str, int], list[str]]:
    """Return what is in the input, each id's event time in ms, and what should not be so."""
    ids: dict[int, list[str]] = {partition: [] for partition in range(PARTITIONS)}
    poisoned: dict[int, list[bool]] = {partition: [] for partition in range(PARTITIONS)}
    times: dict[str, int] = {}
    problems: list[str] = []
    for message in read_committed(place.settings, place.topics.transactions):
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        identity = _key(message)
        bad = any(header == POISON for header, _ in _headers(message))
        expected = partition + PARTITIONS * len(ids[partition])
        if identity != name(expected) or offset != len(ids[partition]):
            problems.append(f"[{partition}] {offset} is {identity} and not {name(expected)}")
        elif message.value() != place.stream.payload(expected, poisoned=bad):
            problems.append(f"[{partition}] {offset} has not the payload of {identity}")
        ids[partition].append(identity)
        poisoned[partition].append(bad)
        times[identity] = message.timestamp()[1]
    return Published(ids, poisoned), times, problems


def _altered_alerts(alerts: list[Alert], times: dict[str, int]) -> Iterator[str]:
    """Yield alerts that do not fit their transaction, or each other."""
    verdicts: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for alert in alerts:
        if alert.score < alert.threshold:
            yield f"{alert.transaction_id} was not to be flagged by its score"
        if alert.event_time_ms != times.get(alert.transaction_id):
            yield f"{alert.transaction_id} has another event time"
        verdicts[alert.transaction_id].add(
            (alert.score, alert.threshold, alert.model_version, alert.Amount)
        )
    for identity, different in verdicts.items():
        if len(different) > 1:
            yield f"{identity} has several verdicts: {different}"


def _altered_letters(letters: list[DeadLetter], place: Place) -> Iterator[str]:
    """Yield dead letters that are not the records they came from."""
    for letter in letters:
        number = letter.partition + PARTITIONS * letter.offset
        told = (letter.topic, letter.key, letter.value, [header for header, _ in letter.headers])
        payload = place.stream.payload(number, poisoned=True)
        if told != (place.topics.transactions, name(number).encode(), payload, [POISON]):
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
