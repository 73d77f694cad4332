"""From a transaction to its alert: how long until a subscriber has it, at a rate that is held."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import report
from benchmarks.harness.stream import Load, Rows, load_producer
from benchmarks.harness.subscriber import Subscriber
from kafkaio.settings import KafkaSettings

# As in the data set, about 0.2 % are flagged; at low rates more, for the sake of the percentiles:
# these many a second, which are transactions of their own and far from the detector's limit.
FLAGGED_SHARE = 0.002
FLAGGED_A_SECOND = 20
FLAGGED_SHARE_MAXIMUM = 0.1

PERCENTILES = (50, 95, 99)
ALERT_SECONDS = 30.0

# A rate counts as held when so much of it was really sent.
RATE_HELD = 0.98

# Who does s of r records a second is r / s - 1 seconds later with each second: so much for who does
# 95 of 100. Who answers once a second, as the worst here do, seems to be later by 0.01 a second or
# two, over ten seconds.
GROWTH_MAXIMUM = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured.

    Attributes:
        rate: records a second that were really sent.
        moments: when each transaction with an alert was handed over, seconds after the warm-up,
            float64 [n].
        milliseconds: from then to having its alert, float64 [n].
    """

    rate: float
    moments: NDArray[np.float64]
    milliseconds: NDArray[np.float64]

    def percentiles(self) -> tuple[float, ...]:
        """Return the `PERCENTILES`, in milliseconds."""
        return tuple(np.percentile(self.milliseconds, PERCENTILES).tolist())

    def holds(self, rate: float) -> bool:
        """Tell whether the load held this rate."""
        return self.rate >= RATE_HELD * rate

    @property
    def growth(self) -> float:
        """Seconds that alerts are later with each second of the load, by least squares."""
        return float(np.polyfit(self.moments, self.milliseconds / 1e3, 1)[0])

    @property
    def keeps_up(self) -> bool:
        """Whether the work was done as fast as it came."""
        return self.growth <= GROWTH_MAXIMUM


Rounds = dict[str, list[Round]]
"""The rounds at one rate, by the way to deliver."""


def flagged_share(rate: float) -> float:
    """Return which share of the transactions is flagged at this rate."""
    return min(max(FLAGGED_SHARE, FLAGGED_A_SECOND / rate), FLAGGED_SHARE_MAXIMUM)


def flag(records: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which records are to be flagged: each by chance, as frauds come, the last one surely.

    Args:
        records: how many there are.
        share: of them to be flagged.
        seed: the same seed flags the same ones.
    """
    flagged = np.random.default_rng(seed).random(records) < share
    flagged[-1] = True
    return flagged


def measure(
    settings: KafkaSettings,
    topic: str,
    rows: Rows,
    subscriber: Subscriber,
    *,
    name: str,
    rate: float,
    seconds: float,
    warm_up: float,
    seed: int,
    patience: float = ALERT_SECONDS,
    check: Callable[[], None] = lambda: None,
) -> Round:
    """Send at the rate, wait for the alerts, and return how long they took.

    Args:
        settings: how to reach Kafka.
        topic: which the detector reads.
        rows: what to send.
        subscriber: reads the detector's alerts.
        name: of this round, its own in this topic.
        rate: transactions a second.
        seconds: that are measured.
        warm_up: seconds before them that are not.
        seed: of which transactions are flagged.
        patience: seconds that alerts may take after the last transaction.
        check: called while they are awaited; raises to give up.

    Raises:
        AlertsMissingError: if an alert does not come.
        BenchmarkError: if a transaction is lost.
    """
    records = round(rate * (warm_up + seconds))
    flagged = flag(records, flagged_share(rate), seed)
    gc.collect()
    gc.disable()  # its pauses would be counted as the detector's
    try:
        with load_producer(settings) as producer:
            sent = Load(producer, rows, topic, name, flagged).hold(rate, records)
    finally:
        gc.enable()
    arrivals = subscriber.wait_for(sent.times, seconds=patience, check=check)
    begins = next(iter(sent.times.values())) + int(warm_up * 1e9)
    handed = np.array(list(sent.times.values()))
    came = np.array([arrivals[key][0] for key in sent.times])
    warm = handed >= begins
    return Round(sent.rate, (handed[warm] - begins) / 1e9, (came - handed)[warm] / 1e6)


def table(measured: dict[float, Rounds]) -> str:
    """Return the latencies as a Markdown table: medians over the rounds."""
    rows = []
    for rate, rounds in measured.items():
        for way, done in rounds.items():
            slowest = min(done, key=lambda one: one.rate)
            figures = [median(column) for column in zip(*(one.percentiles() for one in done))]  # noqa: B905 - all have the same three
            rows.append(
                [
                    f"{rate:,.0f}",
                    way,
                    f"{slowest.rate:,.0f}"
                    + ("" if slowest.holds(rate) else " (not held: invalid)"),
                    f"{flagged_share(rate):.1%}",
                    f"{sum(len(one.milliseconds) for one in done):,}",
                    *(f"{figure:.1f}" for figure in figures),
                ]
            )
    heads = ["transactions a second", "delivery", "held", "flagged", "alerts"]
    return report.table([*heads, "p50 ms", "p95 ms", "p99 ms"], rows)
