"""The messages as typed structs: transaction, label, alert, dead letter.

A transaction is one flat JSON object, the columns of creditcard.csv under their own names with a
`transaction_id` before them; or, where a header says so, the bytes of `events.compact`. Its label
is never in it. Event time is the Kafka record's timestamp.
"""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

FEATURES: tuple[str, ...] = ("Time", *(f"V{index}" for index in range(1, 29)), "Amount")
"""The numbers of a transaction on the wire, in the order of creditcard.csv's columns."""

TransactionId = Annotated[str, Meta(min_length=1, max_length=64)]

# Kafka's own type of timestamps and offsets; its whole range is allowed, so there is no bound.
_INT64 = {"format": "int64"}
Milliseconds = Annotated[int, Meta(extra_json_schema=_INT64)]
Count = Annotated[int, Meta(ge=0, extra_json_schema=_INT64)]

# The bounds lie far outside the data set (|V| <= 121, Amount <= 25,691.16, Time <= 172,792), inside
# what float32 holds exactly enough, and catch the shifted column and the wrong unit.
Component = Annotated[
    float, Meta(ge=-1e6, le=1e6, description="One of the 28 principal components, without a unit.")
]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Money = Annotated[float, Meta(ge=0, le=1e9)]

Headers = tuple[tuple[str, bytes | None], ...]
"""A record's headers as Kafka keeps them: in order, repeated names allowed."""


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One card transaction: 30 numbers under creditcard.csv's own names, and its id.

    Attributes:
        transaction_id: deterministic from the source row, so that replays can be compared.
        Time: seconds since the data set's first transaction.
        V1: first of the 28 principal components V1 to V28, which have no unit.
        Amount: the money, in the data set's currency (euro).
    """

    transaction_id: TransactionId
    Time: Seconds
    V1: Component
    V2: Component
    V3: Component
    V4: Component
    V5: Component
    V6: Component
    V7: Component
    V8: Component
    V9: Component
    V10: Component
    V11: Component
    V12: Component
    V13: Component
    V14: Component
    V15: Component
    V16: Component
    V17: Component
    V18: Component
    V19: Component
    V20: Component
    V21: Component
    V22: Component
    V23: Component
    V24: Component
    V25: Component
    V26: Component
    V27: Component
    V28: Component
    Amount: Money


class Bounds(NamedTuple):
    """The least and the greatest that is allowed."""

    low: float
    high: float


def _bounds(kind: Any, low: str, high: str) -> Bounds:
    """Return the bounds in an annotated type."""
    (meta,) = kind.__metadata__
    return Bounds(getattr(meta, low), getattr(meta, high))


ID_LENGTHS = _bounds(TransactionId, "min_length", "max_length")
"""Bounds of the length of a transaction's id, characters."""

BOUNDS = {name: _bounds(Transaction.__annotations__[name], "ge", "le") for name in FEATURES}
"""Bounds of a transaction's numbers, by name."""


class Label(msgspec.Struct, frozen=True, gc=False):
    """What a transaction turned out to be, known only later.

    Attributes:
        transaction_id: the transaction this is about.
        event_time_ms: when the transaction happened, milliseconds since the epoch.
        Amount: the money behind it, in the data set's currency (euro).
        Class: 1 for fraud, 0 for legitimate, as in creditcard.csv.
    """

    transaction_id: TransactionId
    event_time_ms: Milliseconds
    Amount: Money
    Class: Literal[0, 1]


class Alert(msgspec.Struct, frozen=True, gc=False):
    """A transaction flagged as fraud.

    Attributes:
        transaction_id: the transaction this is about.
        event_time_ms: when the transaction happened, milliseconds since the epoch.
        detection_time_ms: when it was scored, milliseconds since the epoch.
        score: the network's output, 0 to 1, without a unit.
        threshold: the score from which on a transaction is flagged.
        model_version: which artifact scored it: day of its training, start of its SHA-256.
        Amount: the money behind it, in the data set's currency (euro).
    """

    transaction_id: TransactionId
    event_time_ms: Milliseconds
    detection_time_ms: Milliseconds
    score: Annotated[float, Meta(ge=0, le=1)]
    threshold: Annotated[float, Meta(ge=0, le=1)]
    model_version: str
    Amount: Money


class JournalEntry(msgspec.Struct, frozen=True, gc=False):
    """What one commit covers of one input partition, written in the same transaction.

    Entries of a partition, in the order of `first`, tile it: each begins where the one before it
    ended. So a reader of committed records can prove that every transaction was scored exactly
    once, alerts or not.

    Attributes:
        topic: the input topic.
        partition: its partition.
        first: the first offset covered.
        next: the offset after the last one covered: what is committed.
        scored: transactions that the model was given.
        refused: records that became dead letters.
        digest: sum of `zlib.crc32` over the ids (UTF-8) of what the model was given.
    """

    topic: str
    partition: Count
    first: Count
    next: Count
    scored: Count
    refused: Count
    digest: Count


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that could not be read, as it was, with where it stood and why it was refused.

    Attributes:
        topic: the topic it was read from.
        partition: its partition there.
        offset: its offset there.
        stage: the step that refused it, for example "decode".
        error: the class name of the exception.
        message: one sentence saying what is wrong with it.
        reason: the finite class of the defect, a value of `events.errors.Reason`.
        key: the record's key, untouched.
        value: the record's value, untouched.
        headers: the record's own headers, untouched.
        timestamp: the record's own timestamp, milliseconds since the epoch.
    """

    topic: str
    partition: int
    offset: int
    stage: str
    error: str
    message: str
    reason: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None
