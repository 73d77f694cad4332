"""What can go wrong with the demo itself.

DemoError
├── PartFailedError    the detector or the quality monitor ended, or never got ready
└── ReconciliationError    what was published and what came out do not agree
"""


class DemoError(Exception):
    """Root of the demo's errors; `exit_code` is what the command ends with."""

    exit_code = 1


class PartFailedError(DemoError):
    """The detector or the quality monitor ended, or never got ready."""


class ReconciliationError(DemoError):
    """What was published and what came out do not agree."""
