"""Joins alerts with labels, and counts transactions and money by outcome."""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from events.messages import Label


class Outcome(StrEnum):
    """The verdict on a transaction compared with its label."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    TRUE_NEGATIVE = "true_negative"
    FALSE_NEGATIVE = "false_negative"


# An id of 20 characters costs about 150 bytes in an ordered dictionary (69 the text, the rest
# entry and links), so a million of them 150 MB. At 1,000 transactions a second of which 0.2 % are
# flagged, a million alerts are six days' worth.
ALERTS_REMEMBERED = 1_000_000

# Judged labels are remembered only to recognize duplicates. Producers repeat within seconds, and
# 100,000 are a minute and a half at 1,000 labels a second.
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
        """The share of frauds among flagged transactions; None while none of these was judged."""
        caught = self.counts[Outcome.TRUE_POSITIVE]
        return _ratio(caught, caught + self.counts[Outcome.FALSE_POSITIVE])

    @property
    def recall(self) -> float | None:
        """The share of flagged transactions among frauds; None while no fraud was judged."""
        return _ratio(self.counts[Outcome.TRUE_POSITIVE], self.frauds)


class LabelJoin:
    """Judges each label by the alerts seen so far.

    A label is held for `grace` seconds before it is judged, because its alert may still arrive;
    a transaction without an alert by then counts as not flagged. Each transaction is judged once:
    the first label of an id counts, and duplicates of alerts and labels have no effect.

    Memory holds alerts until their label is judged, at most `alerts_remembered` (the oldest are
    dropped first); held labels, which the caller limits by `held`; and the ids of the last
    `judged_remembered` judged labels, to recognize duplicates.

    Args:
        grace: seconds.
        alerts_remembered: alerts that wait for their label, at most.
        judged_remembered: judged labels among which duplicates are recognized.

    Attributes:
        totals: the outcomes so far.
        alerts: distinct transactions flagged.
        late: alerts that arrived after their label was judged as not flagged.
        forgotten: alerts that were dropped, for lack of memory, before their label arrived.
    """

    def __init__(
        self,
        *,
        grace: float,
        alerts_remembered: int = ALERTS_REMEMBERED,
        judged_remembered: int = JUDGED_REMEMBERED,
    ) -> None:
        self.totals = OutcomeTotals()
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
        """Labels that wait for their grace period to pass."""
        return len(self._held)

    def alert(self, transaction_id: str) -> None:
        """Record that a transaction was flagged."""
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
        """Hold a label until its grace period has passed.

        Args:
            label: of a transaction.
            now: monotonic seconds; never less than at the last call.
        """
        if label.transaction_id in self._held_ids or label.transaction_id in self._judged:
            return
        self._held.append((now + self._grace, label))
        self._held_ids.add(label.transaction_id)

    def has_due(self, now: float) -> bool:
        """Return whether `judge` would judge any label."""
        return bool(self._held) and self._held[0][0] <= now

    def judge(self, now: float = math.inf) -> list[tuple[Outcome, float]]:
        """Judge the labels that are due at `now`, all of them by default.

        Returns:
            The outcome and the money of each; `totals` includes them already.
        """
        judged = []
        while self._held and self._held[0][0] <= now:
            _, label = self._held.popleft()
            self._held_ids.discard(label.transaction_id)
            outcome = self._judge(label)
            self.totals.add(outcome, label.Amount)
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
    """Counts, precision, recall and money of the transactions judged so far.

    Attributes:
        true_positives: frauds that were flagged.
        false_positives: legitimate transactions that were flagged.
        true_negatives: legitimate transactions that were not flagged.
        false_negatives: frauds that were not flagged.
        precision: share of frauds among flagged transactions, 0 to 1; None while none was judged.
        recall: share of flagged transactions among frauds, 0 to 1; None while none was judged.
        amount_caught: money of the flagged frauds, in the data's currency.
        amount_missed: money of the frauds that were not flagged.
        alerts: distinct transactions flagged, including those without a label yet.
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


def quality_report(label_join: LabelJoin) -> QualityReport:
    """Return the report on the transactions judged so far."""
    totals = label_join.totals
    return QualityReport(
        true_positives=totals.counts[Outcome.TRUE_POSITIVE],
        false_positives=totals.counts[Outcome.FALSE_POSITIVE],
        true_negatives=totals.counts[Outcome.TRUE_NEGATIVE],
        false_negatives=totals.counts[Outcome.FALSE_NEGATIVE],
        precision=totals.precision,
        recall=totals.recall,
        amount_caught=round(totals.amounts[Outcome.TRUE_POSITIVE], 2),
        amount_missed=round(totals.amounts[Outcome.FALSE_NEGATIVE], 2),
        alerts=label_join.alerts,
        labels=totals.labels,
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
