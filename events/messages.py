"""The messages as typed structs: transaction, label, alert, dead letter.

A transaction is one flat JSON object: a `transaction_id`, then the columns of creditcard.csv under
their own names. With a header that says so, it is in the layout of `events.compact` instead. It
never contains its label. Its event time is the Kafka record's timestamp. Each field is described
where it is declared; the descriptions are published in the schemas (`events.schemas`).
"""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

FEATURES: tuple[str, ...] = ("Time", *(f"V{index}" for index in range(1, 29)), "Amount")
"""The numbers of a transaction on the wire, in the order of creditcard.csv's columns."""

# Kafka's own type of timestamps and offsets; its whole range is allowed, so there is no bound.
_INT64 = {"format": "int64"}
Milliseconds = Annotated[int, Meta(extra_json_schema=_INT64)]
Count = Annotated[int, Meta(ge=0, extra_json_schema=_INT64)]

# The bounds lie far outside the data set (|V| <= 121, Amount <= 25,691.16, Time <= 172,792), within
# the range that float32 represents precisely enough, and catch a shifted column or a wrong unit.
TransactionId = Annotated[
    str, Meta(min_length=1, max_length=64, description="Id of the transaction.")
]
Seconds = Annotated[
    float, Meta(ge=0, le=1e12, description="Seconds since the data set's first transaction.")
]
Component = Annotated[
    float, Meta(ge=-1e6, le=1e6, description="One of 28 principal components, without a unit.")
]
Money = Annotated[
    float,
    Meta(ge=0, le=1e9, description="Amount of the transaction, in the data set's currency (euro)."),
]
Probability = Annotated[float, Meta(ge=0, le=1)]
EventTime = Annotated[
    Milliseconds, Meta(description="Time of the transaction, milliseconds since the epoch.")
]

Headers = tuple[tuple[str, bytes | None], ...]
"""A record's headers as Kafka keeps them: in order, repeated names allowed."""


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One card transaction: its id, and 30 numbers under the column names of creditcard.csv."""

    transaction_id: Annotated[
        TransactionId,
        Meta(description="Derived from the source row, so that two replays can be compared."),
    ]
    Time: Seconds
    V1: Annotated[
        Component,
        Meta(description="First of the 28 principal components V1 to V28, which have no unit."),
    ]
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
    """The lowest and the highest allowed value."""

    low: float
    high: float


def _bounds(annotated: Any, low: str, high: str) -> Bounds:
    """Return the bounds in an annotated type."""
    bounded = next(meta for meta in annotated.__metadata__ if getattr(meta, low) is not None)
    return Bounds(getattr(bounded, low), getattr(bounded, high))


ID_LENGTHS = _bounds(TransactionId, "min_length", "max_length")
"""Bounds of the length of a transaction's id, in characters."""

BOUNDS = {name: _bounds(Transaction.__annotations__[name], "ge", "le") for name in FEATURES}
"""Bounds of a transaction's numbers, by name."""


class Label(msgspec.Struct, frozen=True, gc=False):
    """Whether a transaction was fraud, known only later."""

    transaction_id: TransactionId
    event_time_ms: EventTime
    Amount: Money
    Class: Annotated[
        Literal[0, 1],
        Meta(description="1 for fraud, 0 for legitimate, as in creditcard.csv."),
    ]


class Alert(msgspec.Struct, frozen=True, gc=False):
    """A transaction flagged as fraud."""

    transaction_id: TransactionId
    event_time_ms: EventTime
    detection_time_ms: Annotated[
        Milliseconds,
        Meta(description="When the transaction was scored, milliseconds since the epoch."),
    ]
    score: Annotated[Probability, Meta(description="The network's output, 0 to 1, without a unit.")]
    threshold: Annotated[
        Probability, Meta(description="The score at or above which a transaction is flagged.")
    ]
    model_version: Annotated[
        str,
        Meta(
            description="The version that scored it: day of training, start of its SHA-256, and "
            "the threshold if it was changed after the training."
        ),
    ]
    Amount: Money
    # Alerts of earlier versions lack these.
    partition: Annotated[
        Count | UnsetType, Meta(description="The partition of the input topic.")
    ] = UNSET
    offset: Annotated[
        Count | UnsetType, Meta(description="The transaction's offset in that partition.")
    ] = UNSET


class JournalEntry(msgspec.Struct, frozen=True, gc=False):
    """One commit's range of one input partition, written in the same Kafka transaction.

    Entries of a partition, in the order of `first`, tile it: each begins where the previous one
    ended. A reader of committed records can therefore prove that every transaction was scored
    exactly once, whether it raised an alert or not.
    """

    topic: Annotated[str, Meta(description="The input topic.")]
    partition: Annotated[Count, Meta(description="The partition of the input topic.")]
    first: Annotated[Count, Meta(description="The first offset of the range.")]
    next: Annotated[
        Count, Meta(description="The offset after the last one of the range: the committed offset.")
    ]
    scored: Annotated[Count, Meta(description="Number of transactions scored.")]
    refused: Annotated[Count, Meta(description="Number of records that became dead letters.")]
    digest: Annotated[
        Count,
        Meta(description="Sum of `zlib.crc32` over the ids (UTF-8) of the transactions scored."),
    ]


class DeadLetter(msgspec.Struct, frozen=True):
    """A rejected record, untouched, with its origin and the reason for the rejection."""

    topic: Annotated[str, Meta(description="The topic it was read from.")]
    partition: Annotated[int, Meta(description="Its partition in that topic.")]
    offset: Annotated[int, Meta(description="Its offset in that partition.")]
    stage: Annotated[str, Meta(description='The step that rejected it, for example "decode".')]
    error: Annotated[str, Meta(description="The class name of the exception.")]
    message: Annotated[str, Meta(description="One sentence that describes the defect.")]
    reason: Annotated[
        str, Meta(description="The class of the defect, a value of `events.errors.Reason`.")
    ]
    key: Annotated[bytes | None, Meta(description="The record's key, untouched.")]
    value: Annotated[bytes | None, Meta(description="The record's value, untouched.")]
    headers: Annotated[Headers, Meta(description="The record's own headers, untouched.")] = ()
    timestamp: Annotated[
        int | None,
        Meta(description="The record's own timestamp, milliseconds since the epoch."),
    ] = None
    original_bytes: Annotated[
        int | None,
        Meta(
            description="Only if the record was too large to be kept whole: the size of its key, "
            "value and headers. Key and value are their beginnings then, and it cannot be replayed."
        ),
    ] = None
