"""When nearly every record of a partition is rejected: the configuration may be wrong."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from consumer.errors import TooManyDeadLettersError
from events.errors import Reason
from kafkaio.partitions import PartitionId

WINDOW = 10_000
"""Records that the ratio is taken over.

A second to a minute of a busy partition: long enough that a burst of bad records from one of many
producers does not count, short enough that little is drained before somebody is told.
"""

RATIO = 0.5
"""Half: a stream of which most is rejected does no work worth continuing for, and a producer that
is moved to a new schema, partition by partition, is noticed before the move is complete."""

IN_A_ROW = 1_000
"""Where one record in ten is bad by chance, a thousand in a row are never seen (0.1 to the
1,000th), nor where nine in ten are (once in 10^46 records); a wrong topic shows it within the
first thousand records, long before the window is full."""


class OnTooMany(StrEnum):
    """What happens when a limit is reached."""

    REPORT = "report"
    """The detector goes on: the dead letters are kept, and can be replayed."""

    STOP = "stop"
    """The detector ends, and commits nothing of that batch."""


@dataclass(frozen=True, slots=True)
class RejectionHistory:
    """The rejected records of one partition that a limit may still look at.

    It is a value, so it can be rolled back.

    Attributes:
        records: read so far.
        run: rejected since the last accepted record.
        numbers: of the rejected records, counted from 0 in the order of reading.
        reasons: why each of those was rejected.
        problem: a sentence if a limit was reached in the last batch; else None.
    """

    records: int = 0
    run: int = 0
    numbers: tuple[int, ...] = ()
    reasons: tuple[Reason, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """Two limits on the rejected records of a partition.

    A batch without a rejected record costs one addition; one with some costs a step and a
    bisection for each. The history keeps the rejected among the last `window` (or, if that is
    more, `in_a_row`) records.

    Attributes:
        ratio: reached when this share (0 to 1) of the last `window` records was rejected, once that
            many were read; 0 or None: never.
        in_a_row: reached when so many records in a row were rejected; 0 or None: never.
        window: records that the ratio is taken over.
        action: what happens then.
    """

    ratio: float | None = RATIO
    in_a_row: int | None = IN_A_ROW
    window: int = WINDOW
    action: OnTooMany = OnTooMany.STOP

    def extend(
        self,
        history: RejectionHistory,
        partition: PartitionId,
        rejected: NDArray[np.bool_],
        reasons: Sequence[Reason],
    ) -> RejectionHistory:
        """Return the history with one more batch.

        Args:
            history: up to this batch.
            partition: that the batch was read from, for the message.
            rejected: of each record of the batch, in the order of reading, bool [n].
            reasons: of the rejected ones, in the same order.

        Raises:
            TooManyDeadLettersError: if a limit is reached in the batch, and `action` is to stop.
        """
        records = history.records + len(rejected)
        if not reasons:
            run = 0 if len(rejected) else history.run
            return RejectionHistory(records, run, history.numbers, history.reasons)
        numbers = [*history.numbers]
        causes = [*history.reasons]
        run, expected = history.run, 0
        problem = None
        for row, reason in zip(np.flatnonzero(rejected).tolist(), reasons, strict=True):
            run = run + 1 if row == expected else 1
            expected = row + 1
            numbers.append(history.records + row)
            causes.append(reason)
            many = None if problem else self._reached(numbers, run)
            if many is None:
                continue
            problem = _sentence(many, causes, partition)
            if self.action is OnTooMany.STOP:
                raise TooManyDeadLettersError(f"{problem} Nothing of the last batch is committed.")
        run = run if expected == len(rejected) else 0
        old = bisect_left(numbers, records - max(self.window, self.in_a_row or 0))
        return RejectionHistory(records, run, tuple(numbers[old:]), tuple(causes[old:]), problem)

    def _reached(self, numbers: Sequence[int], run: int) -> tuple[int, int] | None:
        """Return how many of how many records are too many, at the rejected one that comes last."""
        if self.in_a_row and run >= self.in_a_row:
            return run, run
        read = numbers[-1] + 1
        if self.ratio and read >= self.window:
            recent = len(numbers) - bisect_left(numbers, read - self.window)
            if recent >= self.ratio * self.window:
                return recent, self.window
        return None


def _sentence(many: tuple[int, int], reasons: Sequence[Reason], partition: PartitionId) -> str:
    rejected, read = many
    topic, number = partition
    reason, count = Counter(reasons[-rejected:]).most_common(1)[0]
    return (
        f"{rejected:,} of the last {read:,} records of {topic} [{number}] were rejected ({count:,} "
        f"of them: {reason}), so the configuration is likely wrong: is {topic} the right topic, "
        "and do its producers write transactions as this version expects them?"
    )
