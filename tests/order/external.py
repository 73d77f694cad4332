"""The seam between a process and the in-memory Kafka: every external call passes here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class ExternalCall(Protocol):
    """Performs the effect of a call, or a fault instead, or both."""

    def __call__(self, call: str, effect: Callable[[], T]) -> T:
        """Pause before the effect and after it."""


@dataclass(frozen=True)
class Metadata:
    """The identity that a client sends with the offsets of a transaction."""

    group: str
    member: int | None
    generation: int
