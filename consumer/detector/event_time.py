"""Event times that no latency can be taken from, since producers set them as they like."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

# Before 2000-01-01. Seconds that were sent as milliseconds lie in January 1970; card payments that
# Kafka has seen do not.
OLDEST = 946_684_800.0

# Clocks that are kept by NTP differ by milliseconds. Microseconds that were sent as milliseconds
# lie thousands of years ahead.
SKEW_SECONDS = 1.0


class EventTimeDefect(StrEnum):
    """Why an event time is not used for latencies."""

    MISSING = "missing"
    """The record has no timestamp: it is negative, -1 in Kafka."""

    TOO_OLD = "too_old"
    """Before the year 2000: probably seconds instead of milliseconds."""

    FUTURE = "future"
    """More than a second ahead of this machine's clock."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """The latencies of a batch of n transactions.

    Attributes:
        is_plausible: whether an event time can be used, bool [n].
        seconds: from those event times to now, float64 [m], none below 0.
        defects: why the other n - m cannot.
    """

    is_plausible: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    defects: Counter[EventTimeDefect]


def measure(event_times: NDArray[np.float64], now: float) -> Latencies:
    """Return the latencies of a batch.

    An event time that is ahead by less than `SKEW_SECONDS` has a latency of 0.

    Args:
        event_times: float64 [n], seconds since the epoch.
        now: seconds since the epoch.
    """
    missing = event_times < 0
    too_old = (event_times < OLDEST) & ~missing
    future = event_times > now + SKEW_SECONDS
    is_plausible = ~(missing | too_old | future)
    defects = Counter(
        {
            EventTimeDefect.MISSING: int(missing.sum()),
            EventTimeDefect.TOO_OLD: int(too_old.sum()),
            EventTimeDefect.FUTURE: int(future.sum()),
        }
    )
    return Latencies(is_plausible, np.maximum(now - event_times[is_plausible], 0.0), +defects)
