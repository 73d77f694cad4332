"""A label is passed once it is judged, and a restart continues with the others."""

import logging
from collections.abc import Collection, Mapping

import pytest

from consumer.quality.label_positions import COMMIT_SECONDS, REFRESH_SECONDS, LabelPositions
from kafkaio.partitions import PartitionId

A, B = ("labels", 0), ("labels", 1)
BOUNDS = {("alerts", 0): (0, 50), A: (10, 20), B: (0, 5)}


class Store:
    """Keeps the positions, and each commit of them."""

    def __init__(self, stored: dict[PartitionId, int] | None = None) -> None:
        self.stored = stored or {}
        self.commits: list[dict[PartitionId, int]] = []

    def fetch(self, partitions: Collection[PartitionId]) -> dict[PartitionId, int]:
        return {part: offset for part, offset in self.stored.items() if part in partitions}

    def commit(self, positions: Mapping[PartitionId, int]) -> None:
        self.commits.append(dict(positions))

    commit_now = commit


def started(stored: dict[PartitionId, int] | None = None) -> tuple[LabelPositions, Store]:
    store = Store(stored)
    positions = LabelPositions(store, "labels", from_beginning=False)
    positions.starts(BOUNDS)
    return positions, store


@pytest.mark.parametrize(
    ("stored", "from_beginning", "expected"),
    [
        ({}, False, {A: 20, B: 5}),
        ({}, True, {A: 10, B: 0}),
        ({A: 12, B: 3}, False, {A: 12, B: 3}),
        ({A: 12}, False, {A: 12, B: 0}),  # B was added since
    ],
)
def test_it_starts_where_the_group_is_else_as_told(
    stored: dict[PartitionId, int], from_beginning: bool, expected: dict[PartitionId, int]
) -> None:
    positions = LabelPositions(Store(stored), "labels", from_beginning=from_beginning)
    assert positions.starts(BOUNDS) == expected


@pytest.mark.parametrize("stored", [4, 21])
def test_labels_that_are_gone_are_reported(stored: int, caplog: pytest.LogCaptureFixture) -> None:
    positions = LabelPositions(Store({A: stored, B: 5}), "labels", from_beginning=False)
    with caplog.at_level(logging.ERROR):
        assert positions.starts(BOUNDS) == {A: 10, B: 5}
    assert f"Labels of labels [0] are lost: they were judged up to offset {stored}" in caplog.text


def test_the_start_is_stored_before_any_label_comes() -> None:
    positions, store = started()
    positions.judged(0, 100.0)
    assert store.commits == [{A: 20, B: 5}]


def test_labels_that_are_held_are_not_passed() -> None:
    positions, store = started()
    positions.read(A, 21, accepted=1)
    positions.read(B, 6, accepted=2)
    positions.read(B, 7, accepted=2)  # a duplicate, which is passed with the label before it
    positions.read(A, 22, accepted=3)
    positions.judged(1, 100.0)
    positions.judged(2, 100.0 + COMMIT_SECONDS)
    positions.close(2)
    assert store.commits == [{A: 21, B: 5}, {A: 21, B: 7}, {A: 21, B: 7}]


def test_commits_are_a_second_apart_and_refreshed_without_labels() -> None:
    positions, store = started()
    positions.judged(0, 100.0)
    positions.read(A, 21, accepted=1)
    positions.judged(1, 100.0 + COMMIT_SECONDS / 2)
    assert len(store.commits) == 1
    positions.judged(1, 100.0 + COMMIT_SECONDS)
    positions.judged(1, 100.0 + 2 * COMMIT_SECONDS)
    assert len(store.commits) == 2
    positions.judged(1, 100.0 + COMMIT_SECONDS + REFRESH_SECONDS)
    assert len(store.commits) == 3
