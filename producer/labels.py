"""Labels that wait for their delay in stream time."""

from collections import deque
from collections.abc import Iterator

from events.messages import Label


class PendingLabels:
    """A first-in, first-out queue: every label waits equally long, so they stay in row order."""

    def __init__(self, delay: float) -> None:
        """Create an empty queue.

        Args:
            delay: seconds of stream time from a transaction to its label.
        """
        self._delay = delay
        self._waiting: deque[tuple[float, Label]] = deque()

    def add(self, label: Label, stream_seconds: float) -> None:
        """Enqueue the label of a transaction at this second of the stream."""
        self._waiting.append((stream_seconds + self._delay, label))

    def due(self, stream_seconds: float) -> Iterator[Label]:
        """Remove and yield the labels that are due at this second; infinity yields all."""
        while self._waiting and self._waiting[0][0] <= stream_seconds:
            yield self._waiting.popleft()[1]
