"""The numbered stream: what each number is as a record, and what the detector has to make of it.

Record number n goes to partition n modulo the number of partitions, in the order of the numbers.
So the k-th record of a partition is known beforehand, whoever published it and however often that
publisher was killed.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from events.codec import encode
from events.messages import FEATURES, Transaction

PARTITIONS = 4
POISON = "chaos.poison"
"""A header of records that are bad on purpose. The detector does not look at it; the verdict does,
since when poison comes is decided while the stream runs."""

FLAGGED_IN_TEN_THOUSAND = 1000  # 7.5 alerts a second in each of 4 partitions at 300 a second
# As many as are flagged: so about half of the commits have a dead letter in them, and one that was
# written past its commit is found by few kills.
POISONED_IN_TEN_THOUSAND = 1000


class Stream(msgspec.Struct, frozen=True):
    """What travels, as a function of its number.

    Attributes:
        seed: which numbers are flagged or poisoned.
        flagged: numbers (of `events.messages.FEATURES`) of a transaction that the model flags.
        passed: numbers of one that it does not flag.
        poisons: payloads that cannot be read, used in turn.
    """

    seed: int
    flagged: dict[str, float]
    passed: dict[str, float]
    poisons: tuple[bytes | None, ...]

    def is_flagged(self, number: int) -> bool:
        """Tell whether this number, as a transaction, has to raise an alert."""
        return self._draw("flagged", number) < FLAGGED_IN_TEN_THOUSAND

    def is_poisoned(self, number: int) -> bool:
        """Tell whether this number is bad even outside of bursts."""
        return self._draw("poisoned", number) < POISONED_IN_TEN_THOUSAND

    def payload(self, number: int, *, poisoned: bool) -> bytes | None:
        """Return the record's value."""
        if poisoned:
            return self.poisons[number % len(self.poisons)]
        numbers = self.flagged if self.is_flagged(number) else self.passed
        return encode(Transaction(transaction_id=name(number), **numbers))

    def save(self, path: Path) -> None:
        """Write it for the publisher."""
        path.write_bytes(msgspec.msgpack.encode(self))

    @classmethod
    def load(cls, path: Path) -> "Stream":
        """Read what `save` wrote."""
        return msgspec.msgpack.decode(path.read_bytes(), type=cls)

    def _draw(self, what: str, number: int) -> int:
        return zlib.crc32(f"{what} {self.seed} {number}".encode()) % 10_000


def name(number: int) -> str:
    """Return the transaction's id, which is its record's key as well."""
    return f"row-{number:07d}"


def number_of(transaction_id: str) -> int:
    """Return the number that `name` was given.

    Raises:
        ValueError: if it was given none.
    """
    number = int(transaction_id.removeprefix("row-"))
    if name(number) != transaction_id:
        raise ValueError(f"{transaction_id!r} is no transaction of the stream")
    return number


def plain_numbers(score: float) -> Mapping[str, float]:
    """Return the numbers of a transaction for the model whose score is V1."""
    return dict.fromkeys(FEATURES, 0.0) | {"V1": score}
