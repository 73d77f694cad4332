"""Joining alerts with labels: what each verdict turned out to be, and the money behind it."""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field

import msgspec

from consumer.detector.metrics import Outcome
from events.messages import Label

# An id of 20 characters costs about 150 bytes in an ordered dictionary (69 the text, the rest
# entry and links), so a million of them 150 MB. At 1,000 transactions a second of which 0.2 % are
# flagged, a million alerts are six days' worth.
ALERTS_REMEMBERED = 1_000_000

# Of judged labels only enough are remembered to know a repetition: producers repeat within
# seconds, so 100,000 are a minute and a half at 1,000 labels a second.
JUDGED_REMEMBERED = 100_000


@dataclass(slots=True)
class OutcomeTotals:
    """Transactions and money by outcome.

    Attributes:
        counts: transactions judged.
        amounts: their money, in the data's currency.
    """

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    amounts: dict[Outcome, float] = field(default_factory=lambda: dict.fromkeys(Outcome, 0.0))

    def add(self, outcome: Outcome, amount: float) -> None:
        """Count one transaction."""
        self.counts[outcome] += 1
        self.amounts[outcome] += amount

    @property
    def labels(self) -> int:
        """Transactions judged."""
        return sum(self.counts.values())

    @property
    def frauds(self) -> int:
        """Transactions whose label says fraud."""
        return self.counts[Outcome.TRUE_POSITIVE] + self.counts[Outcome.FALSE_NEGATIVE]

    @property
    def precision(self) -> float | None:
        """The share of frauds in what was flagged; None before any flagged one was judged."""
        caught = self.counts[Outcome.TRUE_POSITIVE]
        return _ratio(caught, caught + self.counts[Outcome.FALSE_POSITIVE])

    @property
    def recall(self) -> float | None:
        """The share of flagged ones in the frauds; None before any fraud was judged."""
        return _ratio(self.counts[Outcome.TRUE_POSITIVE], self.frauds)


class LabelJoin:
    """Judges labels against the alerts seen so far. Only alerts are remembered for long.

    A label is held for `grace` seconds before it is judged, because its alert may still be on
    the way; what has no alert by then counts as not flagged. Every transaction is judged once:
    the first label of an id counts, repeated alerts and labels change nothing.

    Memory: alerts until their label is judged, `alerts_remembered` of them at most (the oldest
    go first; `forgotten` counts them); labels while they are held, which the caller bounds by
    looking at `held`; ids of the last `judged_remembered` judged labels, to know a repetition.

    Args:
        grace: seconds.
        alerts_remembered: alerts waiting for their label, at most.
        judged_remembered: judged labels within which a repetition is known.

    Attributes:
        tally: what was judged so far.
        alerts: different transactions flagged.
        late: alerts that came after their label had been judged without them, and so were counted
            as not flagged.
        forgotten: alerts that were dropped for want of memory before their label came.
    """

    def __init__(
        self,
        *,
        grace: float,
        alerts_remembered: int = ALERTS_REMEMBERED,
        judged_remembered: int = JUDGED_REMEMBERED,
    ) -> None:
        self.tally = OutcomeTotals()
        self.alerts = 0
        self.late = 0
        self.forgotten = 0
        self._grace = grace
        self._alerts_remembered = alerts_remembered
        self._judged_remembered = judged_remembered
        self._flagged: OrderedDict[str, None] = OrderedDict()
        self._held: deque[tuple[float, Label]] = deque()
        self._held_ids: set[str] = set()
        self._judged: OrderedDict[str, bool] = OrderedDict()

    @property
    def held(self) -> int:
        """Labels that wait for their grace to pass."""
        return len(self._held)

    def alert(self, transaction_id: str) -> None:
        """Take note that a transaction was flagged."""
        if transaction_id in self._judged:
            if not self._judged[transaction_id]:
                self._judged[transaction_id] = True
                self.alerts += 1
                self.late += 1
            return
        if transaction_id in self._flagged:
            return
        self.alerts += 1
        self._flagged[transaction_id] = None
        if len(self._flagged) > self._alerts_remembered:
            self._flagged.popitem(last=False)
            self.forgotten += 1

    def label(self, label: Label, now: float) -> None:
        """Hold a label until its grace has passed.

        Args:
            label: what a transaction turned out to be.
            now: monotonic seconds; never less than the last time.
        """
        if label.transaction_id in self._held_ids or label.transaction_id in self._judged:
            return
        self._held.append((now + self._grace, label))
        self._held_ids.add(label.transaction_id)

    def judge(self, now: float = math.inf) -> list[tuple[Outcome, float]]:
        """Judge the labels that are due at `now`, all of them by default.

        Returns:
            The outcome and the money of each; they are in the tally already.
        """
        judged = []
        while self._held and self._held[0][0] <= now:
            _, label = self._held.popleft()
            self._held_ids.discard(label.transaction_id)
            outcome = self._judge(label)
            self.tally.add(outcome, label.Amount)
            judged.append((outcome, label.Amount))
        return judged

    def _judge(self, label: Label) -> Outcome:
        flagged = label.transaction_id in self._flagged
        self._flagged.pop(label.transaction_id, None)
        self._judged[label.transaction_id] = flagged
        if len(self._judged) > self._judged_remembered:
            self._judged.popitem(last=False)
        if label.Class == 1:
            return Outcome.TRUE_POSITIVE if flagged else Outcome.FALSE_NEGATIVE
        return Outcome.FALSE_POSITIVE if flagged else Outcome.TRUE_NEGATIVE


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """How good the verdicts were so far.

    Attributes:
        true_positives: frauds that were flagged.
        false_positives: legitimate transactions that were flagged.
        true_negatives: legitimate transactions that were not.
        false_negatives: frauds that were not.
        precision: frauds in what was flagged, 0 to 1; None where nothing flagged was judged.
        recall: flagged ones in the frauds, 0 to 1; None where no fraud was judged.
        amount_caught: money of the flagged frauds, in the data's currency.
        amount_missed: money of the frauds not flagged.
        alerts: different transactions flagged, also those that no label is known of yet.
        labels: transactions judged.
    """

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    precision: float | None
    recall: float | None
    amount_caught: float
    amount_missed: float
    alerts: int
    labels: int


def figures(outcomes: LabelJoin) -> QualityReport:
    """Return the figures of what was judged so far."""
    tally = outcomes.tally
    return QualityReport(
        true_positives=tally.counts[Outcome.TRUE_POSITIVE],
        false_positives=tally.counts[Outcome.FALSE_POSITIVE],
        true_negatives=tally.counts[Outcome.TRUE_NEGATIVE],
        false_negatives=tally.counts[Outcome.FALSE_NEGATIVE],
        precision=tally.precision,
        recall=tally.recall,
        amount_caught=round(tally.amounts[Outcome.TRUE_POSITIVE], 2),
        amount_missed=round(tally.amounts[Outcome.FALSE_NEGATIVE], 2),
        alerts=outcomes.alerts,
        labels=tally.labels,
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
