"""What can go wrong with the demo itself.

DemoError
├── PartFailedError    the detector or the quality monitor ended, or never got ready
└── ReconciliationError    what was published and what came out do not agree
"""

from errors import FraudstreamError


class DemoError(FraudstreamError):
    """Root of the demo's errors."""

    exit_code = 1


class ServiceFailedError(DemoError):
    """The detector or the quality monitor ended, or never got ready."""


class ReconciliationError(DemoError):
    """What was published and what came out do not agree."""
