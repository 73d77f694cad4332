"""Detectors for a test."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from events.settings import KafkaSettings
from events.topics import Topics
from tests.integration.detecting import PATIENCE, Running


@pytest.fixture
def detect(kafka_settings: KafkaSettings, topics: Topics) -> Iterator[Callable[..., Running]]:
    """Start detectors of one group; whatever still runs at the end is stopped."""
    group = f"test-{uuid.uuid4().hex[:12]}"
    started: list[Running] = []

    def start(**changes: object) -> Running:
        started.append(Running(kafka_settings, topics, group=group, **changes))
        return started[-1]

    yield start
    for running in started:
        running.stopping.set()
        running.thread.join(PATIENCE)
