"""How long Kafka may fail in a row, and the pauses between the attempts."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from consumer.commit.sink import CommitSink, UnavailableError
from consumer.errors import CommitError

T = TypeVar("T")

logger = logging.getLogger(__name__)

# The first failure is tried again at once: it may be a rebalance.
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0

# An attempt takes half a minute at most (a commit, a new producer, the committed offsets), so what
# failed this long ago was given up since: its partitions went to another member.
FORGET_SECONDS = 60.0


class Patience:
    """Waits between failed attempts to commit, and gives up when they have failed for too long.

    Args:
        limit: seconds without a successful attempt after which to give up.
        monotonic: seconds of a clock that never goes back.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        limit: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._sleep = sleep
        self._failing_since: float | None = None
        self._last_failure = 0.0
        self._pause = 0.0

    def wait(self, reason: object) -> None:
        """Pause after a failed attempt: longer each time, up to `LONGEST_PAUSE_SECONDS`.

        Args:
            reason: why it failed.

        Raises:
            CommitError: if attempts have failed for longer than the limit.
        """
        now = self._monotonic()
        if self._failing_since is None or now - self._last_failure > FORGET_SECONDS:
            self.reset()
            self._failing_since = now
        left = self._limit - (now - self._failing_since)
        if left <= 0:
            raise CommitError(
                f"Nothing could be committed for {self._limit:.0f} s, most recently because: "
                f"{str(reason).rstrip('.')}."
            )
        logger.warning("Cannot commit (%s); trying again for %.0f s.", reason, left)
        self._sleep(min(self._pause, left))
        self._last_failure = self._monotonic()
        self._pause = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause), LONGEST_PAUSE_SECONDS)

    def reset(self) -> None:
        """Note that an attempt succeeded."""
        self._failing_since = None
        self._pause = 0.0


def attempt(
    call: Callable[[], T],
    unavailable: type[Exception],
    patience: Patience,
    *,
    stopped: Callable[[], bool],
) -> T | None:
    """Return the result of a call; None if `stopped` before there is one.

    Args:
        call: what is tried.
        unavailable: the error after which it is tried again.
        patience: how long, and with which pauses.
        stopped: called before each attempt.

    Raises:
        CommitError: as `Patience.wait`.
    """
    while not stopped():
        try:
            result = call()
        except unavailable as error:
            patience.wait(error)
        else:
            patience.reset()
            return result
    return None


def open_sink(sink: CommitSink, patience: Patience, *, stopped: Callable[[], bool]) -> bool:
    """Open a sink, again while Kafka does not answer; return False if `stopped` before.

    Raises:
        CommitError: as `Patience.wait`, or if Kafka rejects the producer.
        PermissionMissingError: if its transactional id is not permitted.
    """

    def is_open() -> bool:
        sink.open()
        return True

    return bool(attempt(is_open, UnavailableError, patience, stopped=stopped))
