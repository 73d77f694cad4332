"""The records of the input topic, and the outcome that each of them must have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.stream import POISON, STRIDE, Stream, id_of, number_of

Place = tuple[int, int]
"""A partition and an offset of the input."""


@dataclass(frozen=True, slots=True)
class InputRecord:
    """A record of the input topic.

    Attributes:
        partition: that it is in.
        offset: in the partition.
        key: its transaction id.
        value: as it was read.
        headers: their names.
        time: milliseconds since the epoch.
    """

    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: Sequence[str]
    time: int


@dataclass(slots=True)
class Published:
    """The input topic's records by partition; a list's index is the offset.

    Attributes:
        ids: transaction ids, also of poison records.
        poisoned: whether the record is poison.
        flagged: places of the transactions that must raise an alert.
        times: event times in milliseconds since the epoch, by place.
        repeated: records that Kafka stored twice in a row for the publisher; each of them counts.
        problems: records that the stream does not contain, or not in this place.
    """

    ids: Mapping[int, list[str]]
    poisoned: Mapping[int, list[bool]]
    flagged: list[Place] = field(default_factory=list)
    times: dict[Place, int] = field(default_factory=dict)
    repeated: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of records."""
        return sum(map(len, self.ids.values()))

    @property
    def rejected(self) -> list[Place]:
        """Places of the poison records."""
        return [
            (partition, offset)
            for partition, poisoned in self.poisoned.items()
            for offset, poison in enumerate(poisoned)
            if poison
        ]


def compare_with(stream: Stream, partitions: int, records: Iterable[InputRecord]) -> Published:
    """Compare the input with the stream.

    Args:
        stream: what was to be published.
        partitions: of the input.
        records: all of them, by partition in the order of offsets.
    """
    result = Published(
        {number: [] for number in range(partitions)}, {number: [] for number in range(partitions)}
    )
    following = dict(enumerate(range(partitions)))  # the next number of each partition
    for record in records:
        place = record.partition, record.offset
        expected = following[record.partition]
        is_repeated = bool(record.offset) and record.key == id_of(expected - STRIDE)
        result.repeated += is_repeated
        if not is_repeated:
            following[record.partition] += STRIDE
        number = expected - STRIDE if is_repeated else expected
        poison = POISON in record.headers
        if record.key != id_of(number) or record.offset != len(result.ids[record.partition]):
            result.problems.append(f"[{place[0]}] {place[1]} is {record.key}, not {id_of(number)}")
        elif record.value != stream.payload(number, poisoned=poison):
            result.problems.append(f"[{place[0]}] {place[1]} has another payload than {record.key}")
        result.ids[record.partition].append(record.key)
        result.poisoned[record.partition].append(poison)
        result.times[place] = record.time
        if not poison and stream.is_flagged(number_of(record.key)):
            result.flagged.append(place)
    return result
