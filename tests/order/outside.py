"""The seam between a process and the Kafka in memory: every call to the outside passes here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class Outside(Protocol):
    """Makes a call's effect happen, or a fault instead, or both."""

    def __call__(self, call: str, effect: Callable[[], T]) -> T:
        """Stand still before the effect and after it."""


@dataclass(frozen=True)
class Metadata:
    """What a client says of itself when it sends offsets to a transaction."""

    group: str
    member: int | None
    generation: int
