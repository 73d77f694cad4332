"""A clock for tests, moved by hand."""


class ManualClock:
    """Seconds that move only when a test, or `sleep`, moves them.

    Attributes:
        now: the present time, in seconds.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on by so many seconds."""
        self.now += seconds
