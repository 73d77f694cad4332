"""The compact encoding: a transaction as bytes of a fixed layout, a third of its JSON.

The value of a record with the header `HEADER` is: the numbers in the order of
`events.messages.FEATURES`, each a little-endian float64, followed by the id in UTF-8. The header's
value names the version of the layout: another layout would have another name.
"""

import struct
from collections.abc import Sequence
from operator import attrgetter

import msgspec

from events.errors import PayloadError, Reason
from events.messages import FEATURES, Transaction

HEADER = ("content-type", b"application/vnd.fraudstream.transaction.v1")

_layout = struct.Struct(f"<{len(FEATURES)}d")
_numbers = attrgetter(*FEATURES)

NUMBERS_BYTES = _layout.size
"""Size of the numbers in bytes, which is the position of the id."""


def is_compact(headers: Sequence[tuple[str, bytes | None]] | None) -> bool:
    """Whether these headers say that the record's value is a compact transaction."""
    return headers is not None and HEADER in headers


def encode(transaction: Transaction) -> bytes:
    """Return the transaction in the compact layout, without loss."""
    return _layout.pack(*_numbers(transaction)) + transaction.transaction_id.encode()


def decode(payload: bytes) -> Transaction:
    """Return the transaction in a compact value, validated with the same bounds as JSON.

    Raises:
        PayloadError: if it is too short, its id is not UTF-8, or a field is out of bounds.
    """
    if len(payload) < NUMBERS_BYTES:
        raise PayloadError(
            Reason.MISSING_FIELD,
            f"{len(payload)} bytes, fewer than the {NUMBERS_BYTES} of the numbers",
        )
    try:
        fields = dict(zip(FEATURES, _layout.unpack_from(payload), strict=True))
        name = payload[NUMBERS_BYTES:].decode()
        return msgspec.convert({"transaction_id": name, **fields}, Transaction)
    except UnicodeDecodeError as error:
        raise PayloadError(Reason.NOT_UTF8, str(error)) from error
    except msgspec.ValidationError as error:
        raise PayloadError(Reason.OUT_OF_RANGE, str(error)) from error
