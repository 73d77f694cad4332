"""Errors about messages.

EventsError
├── PayloadError       a record's bytes are not a valid message (has a `Reason`)
└── NativeCodeError    the C code cannot be compiled or loaded
"""

from enum import StrEnum

from errors import FraudstreamError


class EventsError(FraudstreamError):
    """Root of this package's errors."""


class Reason(StrEnum):
    """Why a record was rejected: finite, because it is a metric label."""

    EMPTY = "empty"
    OVERSIZED = "oversized"
    NOT_UTF8 = "not_utf8"
    MALFORMED_JSON = "malformed_json"
    TOO_DEEP = "too_deep"
    DUPLICATE_FIELD = "duplicate_field"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"


class PayloadError(EventsError):
    """A record's value is not a valid message.

    Attributes:
        reason: the finite class of the defect.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class NativeCodeError(EventsError):
    """The C code of this package cannot be compiled or loaded; everything works without it."""
