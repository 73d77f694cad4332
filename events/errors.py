"""What can go wrong with a message or a setting.

EventsError
├── PayloadError    a record's bytes are not a valid message (has a `Reason`)
└── SettingsError   a Kafka client setting cannot be read or is not allowed
"""

from enum import StrEnum


class EventsError(Exception):
    """Root of this package's errors; `exit_code` is what a command ends with."""

    exit_code = 2


class Reason(StrEnum):
    """Why a record was refused: finite, because it is a metric label."""

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


class SettingsError(EventsError):
    """A Kafka client setting cannot be read or is not allowed."""
