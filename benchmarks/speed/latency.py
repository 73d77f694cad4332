"""Latency at one rate: from handing a transaction to its producer to receiving its alert."""

import gc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.load import LoadGenerator, load_producer
from benchmarks.harness.subscriber import Subscriber
from benchmarks.harness.transactions import TransactionPool
from kafkaio.settings import KafkaSettings

# As in the data set, about 0.2 % are flagged. At low rates more are, for the sake of percentiles:
# 20 a second of transactions of their own, far below the detector's limit.
FLAGGED_SHARE = 0.002
FLAGGED_A_SECOND = 20
FLAGGED_SHARE_MAXIMUM = 0.1

PERCENTILES = (50, 95, 99)
ALERT_SECONDS = 30.0

# A rate was held if the load sent at least this share of it.
RATE_HELD = 0.98

# A contender that processes s of r records a second falls behind by r / s - 1 seconds each second;
# 0.05 is one that processes 95 of 100. Over ten seconds, one that commits once a second, as the
# slowest here do, seems to fall behind by 0.01 to 0.02.
GROWTH_MAXIMUM = 0.05


@dataclass(frozen=True, slots=True)
class LatencyAtRate:
    """The latencies at one rate.

    Attributes:
        rate: records a second that were actually sent.
        moments: when each flagged transaction was handed over, seconds after the warm-up,
            float64 [n].
        milliseconds: from then to the arrival of its alert, float64 [n].
    """

    rate: float
    moments: NDArray[np.float64]
    milliseconds: NDArray[np.float64]

    def percentiles(self) -> tuple[float, ...]:
        """Return the `PERCENTILES`, in milliseconds."""
        return tuple(np.percentile(self.milliseconds, PERCENTILES).tolist())

    def holds(self, rate: float) -> bool:
        """Return whether the load was sent at this rate."""
        return self.rate >= RATE_HELD * rate

    @property
    def growth(self) -> float:
        """Seconds by which latency grows with each second of the load, by least squares."""
        return float(np.polyfit(self.moments, self.milliseconds / 1e3, 1)[0])

    @property
    def keeps_up(self) -> bool:
        """Whether records were processed as fast as they arrived."""
        return self.growth <= GROWTH_MAXIMUM


def flagged_share(rate: float) -> float:
    """Return the share of transactions that is flagged at this rate."""
    return min(max(FLAGGED_SHARE, FLAGGED_A_SECOND / rate), FLAGGED_SHARE_MAXIMUM)


def flag(records: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which records are flagged: each at random, as frauds occur, and always the last one.

    Args:
        records: how many there are.
        share: of them to flag.
        seed: the same seed flags the same records.
    """
    flagged = np.random.default_rng(seed).random(records) < share
    flagged[-1] = True
    return flagged


def measure(
    settings: KafkaSettings,
    topic: str,
    transactions: TransactionPool,
    subscriber: Subscriber,
    *,
    name: str,
    rate: float,
    seconds: float,
    warm_up: float,
    seed: int,
    patience: float = ALERT_SECONDS,
    check: Callable[[], None] = lambda: None,
) -> LatencyAtRate:
    """Send transactions at a rate, wait for their alerts, and return the latencies.

    Args:
        settings: how to reach Kafka.
        topic: that the contender reads.
        transactions: to send.
        subscriber: reads the contender's alerts.
        name: of this load, unique in its topic.
        rate: transactions a second.
        seconds: that are measured.
        warm_up: seconds before them that are not.
        seed: of the choice of flagged transactions.
        patience: seconds to wait for alerts after the last transaction.
        check: called while waiting for alerts; raises an error to give up.

    Raises:
        AlertsMissingError: if an alert does not arrive.
        BenchmarkError: if a transaction is not delivered.
    """
    records = round(rate * (warm_up + seconds))
    flagged = flag(records, flagged_share(rate), seed)
    gc.collect()
    gc.disable()  # its pauses would be counted as the detector's
    try:
        with load_producer(settings) as producer:
            load = LoadGenerator(producer, transactions, topic, name, flagged)
            sent = load.send_at_rate(rate, records)
    finally:
        gc.enable()
    arrivals = subscriber.wait_for(sent.times, seconds=patience, check=check)
    start = next(iter(sent.times.values())) + int(warm_up * 1e9)
    handed_over = np.array(list(sent.times.values()))
    arrived = np.array([arrivals[key][0] for key in sent.times])
    warm = handed_over >= start
    return LatencyAtRate(
        sent.rate,
        (handed_over[warm] - start) / 1e9,
        (arrived - handed_over)[warm] / 1e6,
    )
