"""Compares `NativeDecoder` with `decode_transaction`, which defines what a valid transaction is."""

from collections.abc import Callable, Sequence
from random import Random

import numpy as np

from events.codec import Encoding, decode_transaction
from events.errors import PayloadError
from events.messages import FEATURES
from events.native.library import NativeDecoder

Value = tuple[bytes, Encoding]


def compare(decoder: NativeDecoder, values: Sequence[Value]) -> list[bool]:
    """Decode values in one call, and return which are usual.

    Raises:
        AssertionError: if a usual one is not valid, or a field of it differs in any bit.
    """
    columns = decoder(
        [value for value, _ in values], [encoding is Encoding.COMPACT for _, encoding in values]
    )
    for row in np.flatnonzero(columns.usual).tolist():
        value, encoding = values[row]
        try:
            expected = decode_transaction(value, encoding.headers)
        except PayloadError as error:
            raise AssertionError(f"decoded, although {error}: {value!r}") from error
        numbers = np.array([getattr(expected, name) for name in FEATURES])
        assert columns.ids[row] == expected.transaction_id, value
        assert columns.features[row].tobytes() == numbers.astype(np.float32).tobytes(), value
        assert columns.amounts[row].tobytes() == numbers[FEATURES.index("Amount")].tobytes(), value
    usual: list[bool] = columns.usual.tolist()
    assert [bool(name) for name in columns.ids] == usual
    return usual


def compare_many(
    decoder: NativeDecoder, make: Callable[[Random], Value], count: int, seed: int
) -> int:
    """Compare this many values, 500 in a call, and return how many are usual; see `compare`."""
    random = Random(seed)
    return sum(
        sum(compare(decoder, [make(random) for _ in range(min(500, count - start))]))
        for start in range(0, count, 500)
    )
