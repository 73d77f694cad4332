"""What can go wrong with the data set.

DatasetError
├── ReadError        a file is not a creditcard.csv
├── WriteError       a file cannot be written
├── DownloadError    no mirror gave the original file
└── TwinError        the twin cannot be fitted, judged or drawn as asked
"""

from errors import FraudstreamError


class DatasetError(FraudstreamError):
    """Root of this package's errors."""


class ReadError(DatasetError):
    """A file is not a creditcard.csv, or cannot be read at all."""


class WriteError(DatasetError):
    """A file cannot be written; nothing was left under its name."""


class DownloadError(DatasetError):
    """No mirror gave the original file; what did arrive is kept to go on from."""

    exit_code = 1


class TwinError(DatasetError):
    """The twin cannot be fitted, judged or drawn as asked."""
