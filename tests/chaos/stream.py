"""The numbered stream: a function from a number to its record and to the expected outcome.

Record number n goes to partition n modulo `STRIDE`, in ascending order. So the k-th record of a
partition is known in advance, however often the publisher was killed and partitions were added.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from events.codec import encode
from events.messages import FEATURES, Transaction

PARTITIONS = 4
"""Of each topic, at the start."""

STRIDE = 8
"""Distance of two consecutive numbers in a partition: more than there are ever partitions."""

POISON = "chaos.poison"
"""Header of records that are invalid on purpose. The detector ignores it; the final check reads it,
because bursts of poison are only decided at run time."""

FLAGGED_IN_TEN_THOUSAND = 1000  # 7.5 alerts/s in each of 4 partitions, at 300 records/s
# As many as flagged records: so about half of the commits contain a dead letter, and few kills
# suffice to find one that was written outside its transaction.
POISONED_IN_TEN_THOUSAND = 1000


class Stream(msgspec.Struct, frozen=True):
    """The published records, as a function of their number.

    Attributes:
        seed: determines which numbers are flagged or poisoned.
        flagged: features (`events.messages.FEATURES`) of a transaction that the model flags.
        unflagged: features of a transaction that it does not flag.
        poison_payloads: payloads that cannot be decoded, used in turn.
    """

    seed: int
    flagged: dict[str, float]
    unflagged: dict[str, float]
    poison_payloads: tuple[bytes | None, ...]

    def is_flagged(self, number: int) -> bool:
        """Return whether this number's transaction must raise an alert."""
        return self._draw("flagged", number) < FLAGGED_IN_TEN_THOUSAND

    def is_poisoned(self, number: int) -> bool:
        """Return whether this number is poison even outside bursts."""
        return self._draw("poisoned", number) < POISONED_IN_TEN_THOUSAND

    def payload(self, number: int, *, poisoned: bool) -> bytes | None:
        """Return the record's value."""
        if poisoned:
            return self.poison_payloads[number % len(self.poison_payloads)]
        features = self.flagged if self.is_flagged(number) else self.unflagged
        return encode(Transaction(transaction_id=id_of(number), **features))

    def save(self, path: Path) -> None:
        """Write the stream to a file for the publisher."""
        path.write_bytes(msgspec.msgpack.encode(self))

    @classmethod
    def load(cls, path: Path) -> "Stream":
        """Read a file written by `save`."""
        return msgspec.msgpack.decode(path.read_bytes(), type=cls)

    def _draw(self, property_name: str, number: int) -> int:
        return zlib.crc32(f"{property_name} {self.seed} {number}".encode()) % 10_000


def id_of(number: int) -> str:
    """Return the transaction id, which is also the record's key."""
    return f"row-{number:07d}"


def number_of(transaction_id: str) -> int:
    """Return the number of a transaction id; the inverse of `id_of`.

    Raises:
        ValueError: if the id is not one of the stream's.
    """
    number = int(transaction_id.removeprefix("row-"))
    if id_of(number) != transaction_id:
        raise ValueError(f"{transaction_id!r} is no transaction of the stream")
    return number


def partition_of(number: int) -> int:
    """Return the partition of a number's record."""
    return number % STRIDE


def features_with_score(score: float) -> Mapping[str, float]:
    """Return the features of a transaction for the model whose score is V1."""
    return dict.fromkeys(FEATURES, 0.0) | {"V1": score}
