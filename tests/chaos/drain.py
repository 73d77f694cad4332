"""The end of a run: no more input, everything committed, everybody ended orderly."""

import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import KafkaException

from tests.chaos.building import GROUP, Place
from tests.chaos.reading import committed_offsets, end_offsets
from tests.chaos.world import World

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 180.0
LOG_LINES = 15


class NotRecoveredError(Exception):
    """The stream did not come back to life; the message shows everybody's last words."""

    exit_code = 1


def drain(world: World, place: Place) -> None:
    """Stop publishing, let the detectors finish, and end them orderly."""
    world.publisher.wanted = False
    world.publisher.send(signal.SIGTERM)
    _await(world, lambda: world.publisher.pid is None, "the publisher to end")
    topic = place.topics.transactions
    ends = end_offsets(place.settings, topic)
    next_look = 0.0

    def drained() -> bool:
        nonlocal next_look
        if time.monotonic() < next_look:
            return False
        next_look = time.monotonic() + 0.5
        try:
            return committed_offsets(place.settings, topic, GROUP) == ends
        except KafkaException:
            return False

    _await(world, drained, "the detectors to commit all of the input", enough=False)
    for member in world.detectors:
        member.wanted = False
        member.send(signal.SIGTERM)
    _await(
        world,
        lambda: all(detector.pid is None for detector in world.detectors),
        "the detectors to end",
    )


def _await(world: World, condition: Callable[[], bool], what: str, *, enough: bool = True) -> None:
    """Wait for a condition; without `enough`, go on without it: the verdict will tell."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while not condition():
        world.tick()
        if time.monotonic() > deadline:
            if not enough:
                logger.warning("Waited in vain for %s.", what)
                return
            raise NotRecoveredError(f"Waited in vain for {what}.\n{last_words(world)}")


def last_words(world: World) -> str:
    """Return everybody's state and the end of everybody's log."""
    shown = []
    for member in (world.publisher, *world.detectors):
        state = f"pid {member.pid}" if member.pid else "not running"
        endings = dict(member.endings)
        shown.append(f"--- {member.name}: {state}, wanted {member.wanted}, endings {endings}")
        shown += _tail(member.log)
    shown += ["--- broker", *_tail(world.broker.log)]
    return "\n".join(shown)


def _tail(path: Path) -> list[str]:
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
