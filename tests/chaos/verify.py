"""The verdict: a comparison of the published records with the committed output.

A transaction *without* an alert leaves no output. To verify that it was scored exactly once, each
commit of a detector writes, in the same Kafka transaction, a range of offsets and a checksum over
the ids scored in it (`events.messages.JournalEntry`). If the ranges tile every partition from
beginning to end without gap or overlap, and every checksum equals that of the records published in
the range, each record was scored (or became a dead letter) in exactly one committed transaction.
"""

import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from events.messages import JournalEntry
from tests.chaos.published import Place, Published

Item = TypeVar("Item", bound=Hashable)

DIGEST_MODULUS = 2**63
SHOWN = 5  # examples in a message


@dataclass(frozen=True, slots=True)
class Comparison(Generic[Item]):
    """Expected against delivered items.

    Attributes:
        expected: number of distinct expected items.
        delivered: number of delivered items, with duplicates.
        lost: expected items that were not delivered.
        duplicated: expected items delivered more than once, with their counts.
        unexpected: delivered items that were not expected.
    """

    expected: int
    delivered: int
    lost: tuple[Item, ...]
    duplicated: Mapping[Item, int]
    unexpected: tuple[Item, ...]

    @property
    def duplicates(self) -> int:
        """Number of surplus deliveries of expected items."""
        return sum(count - 1 for count in self.duplicated.values())


def compare(expected: Iterable[Item], delivered: Iterable[Item]) -> Comparison[Item]:
    """Compare two collections; each expected item is expected once."""
    wanted = dict.fromkeys(expected)
    counts = Counter(delivered)
    return Comparison(
        expected=len(wanted),
        delivered=counts.total(),
        lost=tuple(item for item in wanted if item not in counts),
        duplicated={item: n for item, n in counts.items() if n > 1 and item in wanted},
        unexpected=tuple(item for item in counts if item not in wanted),
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the journal's ranges cover the input.

    Attributes:
        entries: number of committed ranges.
        scored: number of transactions scored in them.
        rejected: number of records that became dead letters in them.
        gaps: number of records that no range covers.
        overlaps: number of records that are covered again.
        wrong: ranges whose counts or checksum differ from the published records.
        gap_ranges: the ranges that are not covered.
        overlap_ranges: the ranges that are covered again.
    """

    entries: int = 0
    scored: int = 0
    rejected: int = 0
    gaps: int = 0
    overlaps: int = 0
    wrong: tuple[str, ...] = ()
    gap_ranges: tuple[str, ...] = ()
    overlap_ranges: tuple[str, ...] = ()


def check_journal(published: Published, entries: Iterable[JournalEntry]) -> Coverage:
    """Compare the journal's ranges with the published records."""
    by_partition: dict[int, list[JournalEntry]] = {partition: [] for partition in published.ids}
    wrong: list[str] = []
    for entry in entries:
        if entry.partition in by_partition and 0 <= entry.first <= entry.next:
            by_partition[entry.partition].append(entry)
        else:
            wrong.append(f"no range of the input: {entry}")
    gaps = overlaps = 0
    gap_ranges: list[str] = []
    overlap_ranges: list[str] = []
    for partition, ranges in by_partition.items():
        ranges.sort(key=lambda entry: (entry.first, entry.next))
        end = len(published.ids[partition])
        reached = 0
        for first, following in [(entry.first, entry.next) for entry in ranges] + [(end, end)]:
            if first > reached:
                gaps += first - reached
                gap_ranges.append(f"[{partition}] {reached} to {first}")
            elif first < reached and following > first:
                overlap = min(reached, following) - first
                overlaps += overlap
                overlap_ranges.append(f"[{partition}] {first} to {first + overlap}")
            reached = max(reached, following)
        wrong += _wrong_ranges(published, partition, ranges)
    valid = [entry for ranges in by_partition.values() for entry in ranges]
    return Coverage(
        entries=len(valid),
        scored=sum(entry.scored for entry in valid),
        rejected=sum(entry.refused for entry in valid),
        gaps=gaps,
        overlaps=overlaps,
        wrong=tuple(wrong),
        gap_ranges=tuple(gap_ranges),
        overlap_ranges=tuple(overlap_ranges),
    )


def _wrong_ranges(
    published: Published, partition: int, ranges: Sequence[JournalEntry]
) -> Iterable[str]:
    """Yield the ranges whose counts or checksum differ from the published records."""
    poisoned = published.poisoned[partition]
    checksums = [
        0 if poison else zlib.crc32(identity.encode())
        for identity, poison in zip(published.ids[partition], poisoned, strict=True)
    ]
    digest_sums = [0, *accumulate(checksums)]
    poison_counts = [0, *accumulate(map(int, poisoned))]
    for entry in ranges:
        if entry.next > len(checksums):
            yield f"beyond the input's end: {entry}"
            continue
        rejected = poison_counts[entry.next] - poison_counts[entry.first]
        digest = (digest_sums[entry.next] - digest_sums[entry.first]) % DIGEST_MODULUS
        scored = entry.next - entry.first - rejected
        if (entry.scored, entry.refused, entry.digest) != (scored, rejected, digest):
            yield f"{entry} should be {scored} scored, {rejected} rejected, digest {digest}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison of input and output at the end of a campaign.

    Attributes:
        published: number of records in the input.
        poison: number of poison records among them.
        input_problems: records of the input that the stream does not contain.
        repeated: records that Kafka stored twice for the publisher; each of them counts.
        alerts: comparison of the (partition, offset) of the flagged transactions.
        altered: alerts and dead letters whose content does not match their record.
        dead_letters: comparison of the (partition, offset) of the rejected records.
        coverage: the journal's coverage of the input.
        offsets: committed offset and end offset of each partition.
    """

    published: int
    poison: int
    input_problems: tuple[str, ...]
    repeated: int
    alerts: Comparison[Place]
    altered: tuple[str, ...]
    dead_letters: Comparison[Place]
    coverage: Coverage
    offsets: tuple[tuple[int, int], ...]

    def violations(self, *, exactly_once: bool) -> list[str]:
        """Return one sentence for each violated guarantee.

        Args:
            exactly_once: whether duplicates are violations (at-least-once allows them).
        """
        coverage = self.coverage
        findings: list[tuple[str, Sequence[object]]] = [
            ("Input records that differ from the stream", self.input_problems),
            ("Alerts lost", self.alerts.lost),
            ("Unexpected alerts", self.alerts.unexpected),
            ("Altered alerts or dead letters", self.altered),
            ("Dead letters lost", self.dead_letters.lost),
            ("Unexpected dead letters", self.dead_letters.unexpected),
            ("Ranges of records not scored", coverage.gap_ranges),
            ("Wrong journal entries", coverage.wrong),
            (
                "Committed offsets before the end",
                tuple(pair for pair in self.offsets if pair[0] != pair[1]),
            ),
        ]
        if exactly_once:
            findings += [
                ("Alerts duplicated", tuple(self.alerts.duplicated.items())),
                ("Dead letters duplicated", tuple(self.dead_letters.duplicated.items())),
                ("Ranges of records scored twice", coverage.overlap_ranges),
            ]
        return [_sentence(finding, examples) for finding, examples in findings if examples]


def _sentence(finding: str, examples: Sequence[object]) -> str:
    shown = ", ".join(map(str, examples[:SHOWN]))
    return f"{finding}: {len(examples)} ({shown}{', ...' if len(examples) > SHOWN else ''})"
