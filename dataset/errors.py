"""Errors of the data set.

DatasetError
├── ReadError                  a file is not a valid creditcard.csv, or unreadable
│   └── FileMissingError       the file does not exist
├── WriteError                 a file cannot be written
├── DownloadError              no mirror served the original file
└── TwinError                  the twin cannot be fitted, evaluated or sampled
    └── TwinParametersError    a file does not hold a twin's parameters
"""

from errors import FraudstreamError


class DatasetError(FraudstreamError):
    """Root of this package's errors."""


class ReadError(DatasetError):
    """A file is not a valid creditcard.csv, or cannot be read at all."""


class FileMissingError(ReadError):
    """The file does not exist."""


class WriteError(DatasetError):
    """A file cannot be written; an earlier file of that name is unchanged."""


class DownloadError(DatasetError):
    """No mirror served the original file; a partial download is kept and resumed next time."""

    exit_code = 1


class TwinError(DatasetError):
    """The twin cannot be fitted, evaluated or sampled as requested."""


class TwinParametersError(TwinError):
    """A file does not hold a twin's parameters."""
