"""Decodes many transactions in one call, those that are usual; see transactions.c."""

import ctypes
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from events.codec import MAXIMUM_PAYLOAD_BYTES
from events.errors import NativeCodeError
from events.messages import BOUNDS, FEATURES, ID_LENGTHS
from events.native.build import library_path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Columns:
    """The fields of n transactions, in columns. Only the rows of usual ones have values.

    Attributes:
        usual: whether this row was decoded, bool [n].
        ids: n ids; empty where the row was not decoded.
        features: float32 [n, 30], in the order of `FEATURES`.
        amounts: float64 [n].
    """

    usual: NDArray[np.bool_]
    ids: list[str]
    features: NDArray[np.float32]
    amounts: NDArray[np.float64]


DecodeUsual = Callable[[Sequence[bytes], Sequence[bool]], Columns]
"""Takes the values of n records, and whether each is compact; decodes those that are usual.

`events.codec.decode_transaction` decodes the same fields from a usual value, to the last bit. Any
other value, valid or not, is for that function to decide.
"""


class _Limits(ctypes.Structure):
    """`struct limits` in transactions.c."""

    _fields_ = (
        ("value_bytes", ctypes.c_int64),
        ("id_bytes", ctypes.c_int64),
        ("lowest", ctypes.c_double * len(FEATURES)),
        ("highest", ctypes.c_double * len(FEATURES)),
    )


class NativeDecoder:
    """Decodes usual transactions in C; a `DecodeUsual`.

    Raises:
        NativeCodeError: if there is no library of the present source, or it cannot be loaded.
    """

    def __init__(self) -> None:
        try:
            self._decode = ctypes.CDLL(str(library_path())).decode_transactions
        except OSError as error:
            raise NativeCodeError(f"The C code cannot be loaded: {error}.") from error
        self._decode.restype = ctypes.c_int64
        self._decode.argtypes = (ctypes.c_int64, ctypes.c_char_p, *[ctypes.c_void_p] * 7)
        low, high = zip(*(BOUNDS[name] for name in FEATURES), strict=True)
        self._limits = _Limits(MAXIMUM_PAYLOAD_BYTES, int(ID_LENGTHS.high), low, high)

    def __call__(self, values: Sequence[bytes], compact: Sequence[bool]) -> Columns:
        """Decode; see `DecodeUsual`."""
        count = len(values)
        columns = _no_columns(count)
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, count))
        ids = np.empty(count * (self._limits.id_bytes + 1), np.uint8)
        length = self._decode(
            count,
            b"".join(values),
            ends.ctypes,
            np.array(compact, np.bool_).ctypes,
            ctypes.byref(self._limits),
            columns.features.ctypes,
            columns.amounts.ctypes,
            ids.ctypes,
            columns.usual.ctypes,
        )
        columns.ids[:] = ids[:length].tobytes().decode("ascii").splitlines()
        return columns


def nothing_usual(values: Sequence[bytes], _compact: Sequence[bool]) -> Columns:
    """Decode nothing; the `DecodeUsual` where there is no library."""
    return _no_columns(len(values))


def _no_columns(count: int) -> Columns:
    return Columns(
        usual=np.zeros(count, np.bool_),
        ids=[""] * count,
        features=np.empty((count, len(FEATURES)), np.float32),
        amounts=np.empty(count, np.float64),
    )


@cache
def usual_decoder() -> DecodeUsual:
    """Return what decodes usual transactions: C code, or nothing where it cannot be loaded."""
    try:
        return NativeDecoder()
    except NativeCodeError as error:
        logger.warning(
            "Transactions are decoded one by one, which takes several times as long: %s Install a "
            "C compiler, or the package ziglang, and run `python -m events.native.build`.",
            error,
        )
        return nothing_usual
