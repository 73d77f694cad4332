"""Errors of the demo itself.

DemoError
├── ServiceFailedError     the detector or the quality monitor exited, or did not become ready
└── ReconciliationError    input and output do not agree
"""

from errors import FraudstreamError


class DemoError(FraudstreamError):
    """Root of the demo's errors."""

    exit_code = 1


class ServiceFailedError(DemoError):
    """The detector or the quality monitor exited, or did not become ready."""


class ReconciliationError(DemoError):
    """Input and output do not agree."""
