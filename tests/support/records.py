"""Input records for tests, without a Kafka."""

from dataclasses import dataclass, field

LONG_AGO = 1_700_000_000_000
"""A timestamp, milliseconds since the epoch."""


@dataclass
class StoredRecord:
    """A record as a consumer returns it; see `consumer.detector.protocols.InputRecord`."""

    stored_partition: int
    stored_offset: int
    stored_value: bytes | None = None
    stored_headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    stored_topic: str = "transactions"
    stored_timestamp: int = LONG_AGO
    stored_key: bytes | None = None

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self.stored_topic

    def partition(self) -> int:
        return self.stored_partition

    def offset(self) -> int:
        return self.stored_offset

    def timestamp(self) -> tuple[int, int]:
        return (1, self.stored_timestamp)

    def key(self) -> bytes | None:
        return self.stored_key

    def value(self) -> bytes | None:
        return self.stored_value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.stored_headers or None
