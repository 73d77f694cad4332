"""Failures of a benchmark.

BenchmarkError
└── AlertsMissingError
"""

from errors import FraudstreamError


class BenchmarkError(FraudstreamError):
    """The benchmark cannot run, or its result would not be valid."""

    exit_code = 1


class AlertsMissingError(BenchmarkError):
    """Not all alerts arrived in time."""
