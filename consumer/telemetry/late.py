"""Prometheus metrics that are not exported before they have a value.

prometheus_client exports a gauge that was never set as 0 and an info without labels; a threshold of
0 and a model without a name would be counted like any other.
"""

from collections.abc import Iterable

from prometheus_client import Gauge, Info, Metric


class LateGauge(Gauge):
    """A gauge without labels that is exported once it is set."""

    _is_known = False

    def set(self, value: float) -> None:
        """Set the value, and export it from now on."""
        super().set(value)
        self._is_known = True

    def collect(self) -> Iterable[Metric]:
        """Return the gauge for a scrape; nothing before it is set."""
        return super().collect() if self._is_known else ()


class LateInfo(Info):
    """An info without labels that is exported once it is set."""

    _is_known = False

    def info(self, val: dict[str, str]) -> None:
        """Set the texts, and export them from now on."""
        super().info(val)
        self._is_known = True

    def collect(self) -> Iterable[Metric]:
        """Return the info for a scrape; nothing before it is set."""
        return super().collect() if self._is_known else ()
