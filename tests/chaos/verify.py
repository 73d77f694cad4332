"""The verdict: what was published against what a reader of committed records finds.

How one knows that a transaction *without* an alert was scored, and only once: each commit of a
detector writes, in its transaction, which offsets it covers and a sum over the ids of what the
model was given of them (`events.messages.JournalEntry`). Where these ranges tile every partition
from its beginning to its end, without gap or overlap, and every sum is that of what was published
in the range, each record was given to the model (or became a dead letter) in exactly one
transaction that took effect.
"""

import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, TypeVar

from events.messages import JournalEntry

Thing = TypeVar("Thing", bound=Hashable)

DIGEST_MODULUS = 2**63
SHOWN = 5  # of what is wrong, in messages


@dataclass(frozen=True, slots=True)
class Published:
    """What is in the input, by partition; a list's index is the offset.

    Attributes:
        ids: transaction ids, also of poison.
        poisoned: whether the record is bad on purpose.
    """

    ids: Mapping[int, Sequence[str]]
    poisoned: Mapping[int, Sequence[bool]]

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(map(len, self.ids.values()))


@dataclass(frozen=True, slots=True)
class Comparison(Generic[Thing]):
    """What should be there against what is.

    Attributes:
        expected: how many things should be there, each once.
        delivered: how many were found, repetitions counted.
        lost: expected, and not found.
        doubled: expected, and found more than once, with how often.
        unexpected: found, and not expected.
    """

    expected: int
    delivered: int
    lost: tuple[Thing, ...]
    doubled: Mapping[Thing, int]
    unexpected: tuple[Thing, ...]

    @property
    def duplicates(self) -> int:
        """How many were too many."""
        return sum(count - 1 for count in self.doubled.values())


def compare(expected: Iterable[Thing], found: Iterable[Thing]) -> Comparison[Thing]:
    """Compare two collections; what is expected is expected once."""
    wanted = dict.fromkeys(expected)
    counts = Counter(found)
    return Comparison(
        expected=len(wanted),
        delivered=counts.total(),
        lost=tuple(thing for thing in wanted if thing not in counts),
        doubled={thing: n for thing, n in counts.items() if n > 1 and thing in wanted},
        unexpected=tuple(thing for thing in counts if thing not in wanted),
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the journal says.

    Attributes:
        entries: how many ranges were committed.
        scored: transactions given to the model, in all of them.
        refused: records that became dead letters.
        gaps: records that no range covers.
        overlaps: records that a range covers again.
        wrong: ranges whose counts or digest are not those of what was published there.
    """

    entries: int = 0
    scored: int = 0
    refused: int = 0
    gaps: int = 0
    overlaps: int = 0
    wrong: tuple[str, ...] = ()
    places: tuple[str, ...] = field(default=())


def check_journal(published: Published, entries: Iterable[JournalEntry]) -> Coverage:
    """Lay the journal's ranges over what was published."""
    by_partition: dict[int, list[JournalEntry]] = {partition: [] for partition in published.ids}
    wrong: list[str] = []
    for entry in entries:
        if entry.partition in by_partition and 0 <= entry.first < entry.next:
            by_partition[entry.partition].append(entry)
        else:
            wrong.append(f"no range of the input: {entry}")
    gaps = overlaps = scored = refused = 0
    places: list[str] = []
    for partition, ranges in by_partition.items():
        ranges.sort(key=lambda entry: (entry.first, entry.next))
        end = len(published.ids[partition])
        reached = 0
        for first, following in [(it.first, it.next) for it in ranges] + [(end, end)]:
            if first > reached:
                gaps += first - reached
                places.append(f"[{partition}] {reached} to {first} is not covered")
            elif first < reached and following > first:
                again = min(reached, following) - first
                overlaps += again
                places.append(f"[{partition}] {first} to {first + again} is covered again")
            reached = max(reached, following)
        wrong += _wrong_ranges(published, partition, ranges)
        scored += sum(entry.scored for entry in ranges)
        refused += sum(entry.refused for entry in ranges)
    count = sum(map(len, by_partition.values()))
    return Coverage(count, scored, refused, gaps, overlaps, tuple(wrong), tuple(places))


def _wrong_ranges(
    published: Published, partition: int, ranges: Sequence[JournalEntry]
) -> Iterable[str]:
    """Yield the ranges that do not say what was published there."""
    poisoned = published.poisoned[partition]
    given = [
        0 if bad else zlib.crc32(name.encode())
        for name, bad in zip(published.ids[partition], poisoned, strict=True)
    ]
    digests = [0, *accumulate(given)]
    refusals = [0, *accumulate(map(int, poisoned))]
    for entry in ranges:
        if entry.next > len(given):
            yield f"beyond the input's end: {entry}"
            continue
        refused = refusals[entry.next] - refusals[entry.first]
        digest = (digests[entry.next] - digests[entry.first]) % DIGEST_MODULUS
        scored = entry.next - entry.first - refused
        if (entry.scored, entry.refused, entry.digest) != (scored, refused, digest):
            yield f"{entry} should be {scored} scored, {refused} refused, digest {digest}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found at the end.

    Attributes:
        published: records in the input.
        poison: how many of them are bad on purpose.
        input_problems: what is wrong with the input itself.
        alerts: transaction ids.
        altered: alerts that say something else about a transaction than they should.
        dead_letters: (partition, offset) of the record they came from.
        coverage: what the journal says.
        offsets: committed offset and end offset of each partition.
    """

    published: int
    poison: int
    input_problems: tuple[str, ...]
    alerts: Comparison[str]
    altered: tuple[str, ...]
    dead_letters: Comparison[tuple[int, int]]
    coverage: Coverage
    offsets: tuple[tuple[int, int], ...]

    def failures(self, *, once: bool) -> list[str]:
        """Say what is not as promised.

        Args:
            once: whether nothing may be there twice (exactly-once), or may be (at-least-once).
        """
        coverage = self.coverage
        said = [
            ("The input is not as published", self.input_problems),
            ("Alerts lost", self.alerts.lost),
            ("Alerts that nobody expected", self.alerts.unexpected),
            ("Alerts that say something else", self.altered),
            ("Dead letters lost", self.dead_letters.lost),
            ("Dead letters that nobody expected", self.dead_letters.unexpected),
            (
                "Ranges of records not scored",
                tuple(it for it in coverage.places if "not" in it) if coverage.gaps else (),
            ),
            ("Journal entries that do not fit", coverage.wrong),
            (
                "Committed offsets short of the end",
                tuple(pair for pair in self.offsets if pair[0] != pair[1]),
            ),
        ]
        if once:
            said += [
                ("Alerts doubled", tuple(self.alerts.doubled.items())),
                ("Dead letters doubled", tuple(self.dead_letters.doubled.items())),
                (
                    "Ranges of records scored twice",
                    tuple(it for it in coverage.places if "again" in it),
                ),
            ]
        return [_sentence(what, things) for what, things in said if things]


def _sentence(what: str, things: Sequence[object]) -> str:
    shown = ", ".join(map(str, things[:SHOWN]))
    return f"{what}: {len(things)} ({shown}{', ...' if len(things) > SHOWN else ''})"
