"""What can go wrong with a measurement.

BenchmarkError
└── AlertsMissingError
"""

from errors import FraudstreamError


class BenchmarkError(FraudstreamError):
    """What was measured would not be what was to be measured."""


class AlertsMissingError(BenchmarkError):
    """Alerts did not come in time."""
