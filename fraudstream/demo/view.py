"""The demo's display on stderr: a live table on a terminal, plain lines elsewhere."""

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
from fraudstream.demo.live_metrics import LiveMetrics
from fraudstream.demo.report import latencies, share

ALERTS_SHOWN = 8
PLAIN_SECONDS = 2.0


class View(Protocol):
    """The display of a running demo."""

    def remark(self, sentence: str) -> None:
        """Print a sentence."""

    def show(self, metrics: LiveMetrics, *, sent: int, total: int, seconds: float) -> None:
        """Show the current metrics."""

    def alert(self, alert: Alert) -> None:
        """Show an alert."""


@contextmanager
def open_view() -> Iterator[View]:
    """Open a live view if stderr is a terminal, a plain one otherwise."""
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
    """Prints a line every two seconds, and one for each alert."""

    def __init__(self) -> None:
        self._shown_at = 0.0

    def remark(self, sentence: str) -> None:
        """Print the sentence."""
        print(sentence, file=sys.stderr, flush=True)

    def show(self, metrics: LiveMetrics, *, sent: int, total: int, seconds: float) -> None:
        """Print a line, at most every two seconds."""
        if seconds - self._shown_at < PLAIN_SECONDS:
            return
        self._shown_at = seconds
        self.remark(
            "  ".join(f"{name} {value}" for name, value in _rows(metrics, sent, total, seconds))
        )

    def alert(self, alert: Alert) -> None:
        """Print the alert."""
        self.remark(
            f"ALERT {alert.transaction_id}  score {alert.score:.3f}  amount {alert.Amount:,.2f}"
        )


class LiveView:
    """Updates one table, with the last alerts below it.

    It starts with the first metrics, so that progress bars can be shown before.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._alerts: deque[Alert] = deque(maxlen=ALERTS_SHOWN)

    def remark(self, sentence: str) -> None:
        """Print the sentence above the table."""
        self._live.console.print(Text(sentence))

    def show(self, metrics: LiveMetrics, *, sent: int, total: int, seconds: float) -> None:
        """Update the table."""
        self._live.start()
        self._live.update(
            Group(_metrics_table(_rows(metrics, sent, total, seconds)), self._alerts_table()),
            refresh=True,
        )

    def alert(self, alert: Alert) -> None:
        """Add the alert below the table."""
        self._alerts.append(alert)

    def _alerts_table(self) -> Table:
        table = Table(title="Last alerts", title_justify="left", box=None, padding=(0, 2))
        table.add_column("transaction")
        table.add_column("amount", justify="right")
        table.add_column("score", justify="right")
        table.add_column("latency", justify="right")
        for alert in self._alerts:
            latency = alert.detection_time_ms - alert.event_time_ms
            table.add_row(
                alert.transaction_id, f"{alert.Amount:,.2f}", f"{alert.score:.3f}", f"{latency} ms"
            )
        return table


def _metrics_table(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return table


def _rows(metrics: LiveMetrics, sent: int, total: int, seconds: float) -> list[tuple[str, str]]:
    rate = metrics.scored / seconds if seconds else 0.0
    flag_rate = metrics.flagged / metrics.scored if metrics.scored else None
    size = f"{metrics.batch_size:.1f}" if metrics.batches else "-"
    return [
        ("published", f"{sent:,} of {total:,}"),
        ("scored", f"{metrics.scored:,}"),
        ("rate", f"{rate:,.0f}/s"),
        ("batch size", size),
        ("event to scored", latencies(metrics.scoring_latency)),
        ("event to alert", latencies(metrics.detection_latency)),
        ("flagged", f"{metrics.flagged:,} ({share(flag_rate)})"),
        ("precision", share(metrics.precision)),
        ("recall", share(metrics.recall)),
        ("amount caught", f"{metrics.amount_caught:,.2f}"),
        ("amount missed", f"{metrics.amount_missed:,.2f}"),
    ]
