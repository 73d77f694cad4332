"""The root of the project's exceptions. Every package may import it; it imports nothing."""

from typing import ClassVar


class FraudstreamError(Exception):
    """A failure that has a one-sentence explanation for the user; anything else is a defect.

    The command line prints the message and the hint, without a traceback, and exits with the
    code. Library code raises subclasses and never mentions command-line options: the command line
    words the hint for those who use it (`fraudstream.hints`).

    Args:
        message: one sentence: what happened and where.
        hint: one sentence: what to do about it; None where the message says it all.

    Attributes:
        exit_code: 2 for a mistake in what was asked for, 1 for a failure at work.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
