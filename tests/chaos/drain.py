"""The end of a campaign: no more input, all input committed, all processes shut down."""

import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import KafkaException

from errors import FraudstreamError
from tests.chaos.reading import committed_offsets, end_offsets
from tests.chaos.system import System
from tests.chaos.testbed import GROUP, RunContext

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 180.0
LOG_LINES = 15


class NotRecoveredError(FraudstreamError):
    """The stream did not recover; the message ends with every process's state and log."""

    exit_code = 1


def drain(system: System, context: RunContext) -> None:
    """Stop the publisher, wait until all input is committed, then terminate the detectors."""
    system.publisher.wanted = False
    system.publisher.send(signal.SIGTERM)
    _await(system, lambda: system.publisher.pid is None, "the publisher to end")
    topic = context.topics.transactions
    ends = end_offsets(context.settings, topic)
    next_query = 0.0

    def drained() -> bool:
        nonlocal next_query
        if time.monotonic() < next_query:
            return False
        next_query = time.monotonic() + 0.5
        try:
            return committed_offsets(context.settings, topic, GROUP) == ends
        except KafkaException:
            return False

    _await(system, drained, "the detectors to commit all of the input", required=False)
    for detector in system.detectors:
        detector.wanted = False
        detector.send(signal.SIGTERM)
    _await(
        system,
        lambda: all(detector.pid is None for detector in system.detectors),
        "the detectors to end",
    )


def _await(
    system: System, condition: Callable[[], bool], what: str, *, required: bool = True
) -> None:
    """Wait for a condition; one that is not `required` is left to the final check."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while not condition():
        system.tick()
        if time.monotonic() > deadline:
            message = f"Waited {DRAIN_SECONDS:.0f} s in vain for {what}."
            if not required:
                logger.warning(message)
                return
            raise NotRecoveredError(f"{message}\n{diagnostics(system)}")


def diagnostics(system: System) -> str:
    """Return the state and the last log lines of every process."""
    lines = []
    for process in (system.publisher, *system.detectors):
        state = f"pid {process.pid}" if process.pid else "not running"
        exits = dict(process.exits)
        lines.append(f"--- {process.name}: {state}, wanted {process.wanted}, exit codes {exits}")
        lines += _tail(process.log)
    for number, broker in enumerate(system.brokers, start=1):
        lines += [f"--- broker {number}", *_tail(broker.log)]
    return "\n".join(lines)


def _tail(path: Path) -> list[str]:
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
