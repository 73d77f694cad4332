"""Counters with one finite label."""

from enum import StrEnum
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter

Member = TypeVar("Member", bound=StrEnum)


def counters_by(
    members: type[Member], name: str, text: str, label: str, registry: CollectorRegistry
) -> dict[Member, Counter]:
    """Return a counter for each member of an enum; each is exported from the start, with 0.

    Args:
        members: the values of the label.
        name: of the metric.
        text: its description.
        label: the name of the label.
        registry: where the metric is exported.
    """
    counter = Counter(name, text, [label], registry=registry)
    return {member: counter.labels(member) for member in members}
