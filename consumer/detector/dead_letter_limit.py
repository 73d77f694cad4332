"""When to stop because nearly every record is rejected: then the configuration is wrong."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.errors import TooManyDeadLettersError
from events.errors import Reason

WINDOW = 10_000
"""Records that the ratio is taken over.

A tenth of a second to ten seconds of a busy stream: long enough that a burst of bad records from
one of many producers does not stop the stream, short enough that little is drained before the stop.
"""

RATIO = 0.5
"""Half: a stream of which most is rejected does no work worth continuing for, and a producer that
is moved to a new schema, partition by partition, is noticed before the move is complete."""

IN_A_ROW = 1_000
"""Where one record in ten is bad by chance, a thousand in a row are never seen (0.1 to the
1,000th), nor where nine in ten are (once in 10^46 records); a wrong topic shows it within the
first thousand records, long before the window is full."""


@dataclass(frozen=True, slots=True)
class RejectionHistory:
    """The rejected records that a limit may still look at; a value, so it can be rolled back.

    Attributes:
        records: read so far.
        run: rejected since the last accepted record.
        numbers: of the rejected records, counted from 0 in the order of reading.
        reasons: why each of those was rejected.
    """

    records: int = 0
    run: int = 0
    numbers: tuple[int, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """Two limits on rejected records; whichever is reached first stops the detector.

    A batch without a rejected record costs one addition; one with some costs a step and a
    bisection for each. The history keeps the rejected among the last `window` (or, if that is
    more, `in_a_row`) records.

    Attributes:
        ratio: stop when this share (0 to 1) of the last `window` records was rejected, once that
            many were read; 0 or None: never.
        in_a_row: stop when so many records in a row were rejected; 0 or None: never.
        window: records that the ratio is taken over.
    """

    ratio: float | None = RATIO
    in_a_row: int | None = IN_A_ROW
    window: int = WINDOW

    def extend(
        self,
        history: RejectionHistory,
        topic: str,
        rejected: NDArray[np.bool_],
        reasons: Sequence[Reason],
    ) -> RejectionHistory:
        """Return the history with one more batch.

        Args:
            history: up to this batch.
            topic: that the batch was read from, for the message.
            rejected: of each record of the batch, in the order of reading, bool [n].
            reasons: of the rejected ones, in the same order.

        Raises:
            TooManyDeadLettersError: if a limit is reached within the batch.
        """
        records = history.records + len(rejected)
        if not reasons:
            run = 0 if len(rejected) else history.run
            return RejectionHistory(records, run, history.numbers, history.reasons)
        numbers = [*history.numbers]
        causes = [*history.reasons]
        run, expected = history.run, 0
        for row, reason in zip(np.flatnonzero(rejected).tolist(), reasons, strict=True):
            run = run + 1 if row == expected else 1
            expected = row + 1
            numbers.append(history.records + row)
            causes.append(reason)
            self._check(numbers, causes, run, topic)
        run = run if expected == len(rejected) else 0
        old = bisect_left(numbers, records - max(self.window, self.in_a_row or 0))
        return RejectionHistory(records, run, tuple(numbers[old:]), tuple(causes[old:]))

    def _check(self, numbers: list[int], reasons: list[Reason], run: int, topic: str) -> None:
        """Check the limits at the rejected record that comes last."""
        if self.in_a_row and run >= self.in_a_row:
            raise _too_many(run, run, reasons, topic)
        read = numbers[-1] + 1
        if self.ratio and read >= self.window:
            recent = len(numbers) - bisect_left(numbers, read - self.window)
            if recent >= self.ratio * self.window:
                raise _too_many(recent, self.window, reasons, topic)


def _too_many(
    rejected: int, read: int, reasons: list[Reason], topic: str
) -> TooManyDeadLettersError:
    reason, count = Counter(reasons[-rejected:]).most_common(1)[0]
    return TooManyDeadLettersError(
        f"{rejected:,} of the last {read:,} records of {topic} were rejected ({count:,} of them: "
        f"{reason}), so the configuration is likely wrong: is {topic} the right topic, and do its "
        "producers write transactions as this version expects them? Nothing of the last batch is "
        "committed."
    )
