"""Labels wait here until the stream's clock says that they are known."""

from collections import deque
from collections.abc import Iterator

from events.messages import Label


class PendingLabels:
    """First in, first out: every label waits equally long, so they come due in the rows' order."""

    def __init__(self, delay: float) -> None:
        """Make an empty queue.

        Args:
            delay: seconds of stream time from a transaction to its label.
        """
        self._delay = delay
        self._waiting: deque[tuple[float, Label]] = deque()

    def add(self, label: Label, stream_seconds: float) -> None:
        """Keep the label of the transaction that happened at that second of the stream."""
        self._waiting.append((stream_seconds + self._delay, label))

    def due(self, stream_seconds: float) -> Iterator[Label]:
        """Give, and forget, the labels known at that second; infinity gives all."""
        while self._waiting and self._waiting[0][0] <= stream_seconds:
            yield self._waiting.popleft()[1]
