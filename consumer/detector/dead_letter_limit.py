"""When to stop because nearly everything is bad: the configuration is, then, and not the data."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from consumer.detector.source import InputRecord
from consumer.errors import TooManyDeadLettersError
from events.messages import DeadLetter

WINDOW = 10_000
"""Records that the ratio is taken over.

A tenth of a second to ten seconds of a busy stream: long enough that a burst of bad records from
one of many producers does not stop all, short enough that little is drained before the stop.
"""

RATIO = 0.5
"""Half: a stream of which most is unreadable does no work worth going on for, and a producer that
is being moved to a new schema, partition by partition, is noticed before it is through."""

IN_A_ROW = 1_000
"""Where one record in ten were bad, by chance, a thousand in a row would never be seen (0.1 to the
1,000th), nor where nine in ten were (once in 10^46 records); a wrong topic shows it within the
first thousand records, long before the window is full."""


class DeadLetterLimit:
    """Counts what was refused, in the order it was read, and stops at either of two limits.

    The loop uses it in three places: `check` a batch as soon as it is decoded, so that nothing of
    a batch that reaches a limit is ever committed; `committed` after a commit; `rewind` wherever
    work since the last commit is dropped, to be done again here or elsewhere.

    A batch without a refused record costs two additions; one with some, a step for each of its
    records and a bisection for each refused one. Held are the refused among the last `window`
    (or, if that is more, `in_a_row`) records and those that are not committed.

    Args:
        ratio: stop at a refused record when this share (0 to 1) of the last `window` records was
            refused, once so many were read; 0 or None: never.
        in_a_row: stop when so many records in a row were refused; 0 or None: never.
        window: records that the ratio is taken over.
    """

    def __init__(
        self, ratio: float | None = RATIO, in_a_row: int | None = IN_A_ROW, window: int = WINDOW
    ) -> None:
        self._ratio = ratio
        self._in_a_row = in_a_row
        self._window = window
        self._read = 0  # records so far
        self._run = 0  # refused ones since the last good one
        self._committed = (0, 0)
        self._refused: list[int] = []  # their numbers in the order of reading, from 0
        self._reasons: list[str] = []  # and why

    def check(self, messages: Sequence[InputRecord], dead_letters: Sequence[DeadLetter]) -> None:
        """Count a batch.

        Args:
            messages: all of it, in the order it was read.
            dead_letters: those of it that were refused, in the same order.

        Raises:
            TooManyDeadLettersError: if a limit is reached within it.
        """
        first = self._read
        self._read += len(messages)
        if not dead_letters:
            if messages:
                self._run = 0
            return
        self._forget()
        last_refused = -1
        letters = iter(dead_letters)
        letter = next(letters, None)
        for position, message in enumerate(messages):
            if letter is None:
                break
            if (message.offset(), message.partition()) == (letter.offset, letter.partition):
                self._run = self._run + 1 if position == last_refused + 1 else 1
                last_refused = position
                self._refuse(first + position, letter)
                letter = next(letters, None)
        if last_refused < len(messages) - 1:
            self._run = 0

    def committed(self) -> None:
        """Take note that everything counted so far is committed."""
        self._committed = (self._read, self._run)

    def rewind(self) -> None:
        """Forget what was counted since the last commit."""
        self._read, self._run = self._committed
        kept = bisect_left(self._refused, self._read)
        del self._refused[kept:], self._reasons[kept:]

    def _refuse(self, number: int, letter: DeadLetter) -> None:
        self._refused.append(number)
        self._reasons.append(letter.reason)
        if self._in_a_row and self._run >= self._in_a_row:
            self._stop(self._run, self._run, letter.topic, "--dead-letters-in-a-row")
        if self._ratio and number + 1 >= self._window:
            refused = len(self._refused) - bisect_left(self._refused, number + 1 - self._window)
            if refused >= self._ratio * self._window:
                self._stop(refused, self._window, letter.topic, "--dead-letter-ratio")

    def _forget(self) -> None:
        """Drop what no limit looks at any more, not even after a rewind."""
        reach = max(self._window, self._in_a_row or 0)
        old = bisect_left(self._refused, self._committed[0] - reach)
        del self._refused[:old], self._reasons[:old]

    def _stop(self, refused: int, of: int, topic: str, option: str) -> None:
        reason, count = Counter(self._reasons[-refused:]).most_common(1)[0]
        raise TooManyDeadLettersError(
            f"{refused:,} of the last {of:,} records of {topic} could not be read ({count:,} of "
            f"them: {reason}), so the configuration is likely wrong: is {topic} the right topic, "
            f"and do its producers write transactions as this version expects them? Nothing of "
            f"the last batch is committed. {option} sets this limit, 0 switches it off."
        )
