"""The table of `fraudstream dead-letters list`."""

from collections.abc import Sequence
from datetime import tzinfo

from consumer.dead_letters.store import ReasonSummary
from consumer.terminal_text import local_time, one_line
from fraudstream.tables import print_table

HEADERS = ("REASON", "COUNT", "WAITING", "FIRST", "LAST", "FROM", "EXAMPLE")


def print_summaries(summaries: Sequence[ReasonSummary], zone: tzinfo | None = None) -> None:
    """Print a line for each summary and one for their total.

    Args:
        summaries: dead letters by reason and topic.
        zone: the time zone to show; None for this machine's.
    """

    def local(milliseconds: int | None) -> str:
        return "unknown" if milliseconds is None else local_time(milliseconds, zone)

    rows = [
        (
            one_line(summary.reason),
            f"{summary.count:,}",
            f"{summary.waiting:,}",
            local(summary.first),
            local(summary.last),
            one_line(summary.topic),
            str(summary.example),
        )
        for summary in summaries
    ]
    count = sum(summary.count for summary in summaries)
    waiting = sum(summary.waiting for summary in summaries)
    total = ("total", f"{count:,}", f"{waiting:,}", "", "", "", "")
    print_table([*rows, total], headers=HEADERS, align="lrrl")
