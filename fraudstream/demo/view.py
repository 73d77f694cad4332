"""What one sees of the demo: a live table on a terminal, plain lines elsewhere; all on stderr."""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from events.messages import Alert
from fraudstream.demo.figures import Figures
from fraudstream.demo.report import latencies, share

ALERTS_SHOWN = 8
PLAIN_SECONDS = 2.0


class View(Protocol):
    """Where the demo shows what happens."""

    def say(self, sentence: str) -> None:
        """Show a remark that stays."""

    def show(self, figures: Figures, *, sent: int, total: int, seconds: float) -> None:
        """Show the figures of this moment."""

    def alert(self, alert: Alert) -> None:
        """Show an alert."""


@contextmanager
def open_view() -> Iterator[View]:
    """Open the view that fits where stderr goes."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield PlainView()
        return
    live = Live(console=console, auto_refresh=False)
    try:
        yield LiveView(live)
    finally:
        live.stop()


class PlainView:
    """A line every two seconds, and one for each alert."""

    def __init__(self) -> None:
        self._shown_at = 0.0

    def say(self, sentence: str) -> None:
        """Print the sentence."""
        print(sentence, file=sys.stderr, flush=True)

    def show(self, figures: Figures, *, sent: int, total: int, seconds: float) -> None:
        """Print a line if the last one is old enough."""
        if seconds - self._shown_at < PLAIN_SECONDS:
            return
        self._shown_at = seconds
        self.say(
            "  ".join(f"{name} {value}" for name, value in _rows(figures, sent, total, seconds))
        )

    def alert(self, alert: Alert) -> None:
        """Print the alert."""
        self.say(
            f"ALERT {alert.transaction_id}  score {alert.score:.3f}  amount {alert.Amount:,.2f}"
        )


class LiveView:
    """One table that is drawn again, and the last alerts below it.

    It begins with the first figures, so that a progress bar may be shown before.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._alerts: deque[Alert] = deque(maxlen=ALERTS_SHOWN)

    def say(self, sentence: str) -> None:
        """Print the sentence above the table."""
        self._live.console.print(Text(sentence))

    def show(self, figures: Figures, *, sent: int, total: int, seconds: float) -> None:
        """Draw the table again."""
        self._live.start()
        self._live.update(
            Group(_figures_table(_rows(figures, sent, total, seconds)), self._alerts_table()),
            refresh=True,
        )

    def alert(self, alert: Alert) -> None:
        """Put the alert below the table."""
        self._alerts.append(alert)

    def _alerts_table(self) -> Table:
        table = Table(title="Last alerts", title_justify="left", box=None, padding=(0, 2))
        table.add_column("transaction")
        table.add_column("amount", justify="right")
        table.add_column("score", justify="right")
        table.add_column("after", justify="right")
        for alert in self._alerts:
            waited = alert.detection_time_ms - alert.event_time_ms
            table.add_row(
                alert.transaction_id, f"{alert.Amount:,.2f}", f"{alert.score:.3f}", f"{waited} ms"
            )
        return table


def _figures_table(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _rows(figures: Figures, sent: int, total: int, seconds: float) -> list[tuple[str, str]]:
    rate = figures.scored / seconds if seconds else 0.0
    flag_rate = figures.flagged / figures.scored if figures.scored else None
    size = f"{figures.batch_size:.1f}" if figures.batches else "-"
    return [
        ("published", f"{sent:,} of {total:,}"),
        ("scored", f"{figures.scored:,}"),
        ("rate", f"{rate:,.0f}/s"),
        ("batch size", size),
        ("event to scored", latencies(figures.scoring_latency)),
        ("event to alert", latencies(figures.detection_latency)),
        ("flagged", f"{figures.flagged:,} ({share(flag_rate)})"),
        ("precision", share(figures.precision)),
        ("recall", share(figures.recall)),
        ("money caught", f"{figures.amount_caught:,.2f}"),
        ("money missed", f"{figures.amount_missed:,.2f}"),
    ]
