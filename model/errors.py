"""What can go wrong between a data set and a score.

ModelError
├── ArtifactError    a folder is no artifact, does not match, or cannot be written
├── TrainingError    these rows or settings cannot be trained on
├── PolicyError      no threshold does what was asked for
├── ReportError      a report cannot be written
├── DeviceError      a GPU was asked for and TensorFlow sees none
└── MissingExtraError   TensorFlow or scikit-learn is not installed
"""

from errors import FraudstreamError


class ModelError(FraudstreamError):
    """Root of this package's errors."""


class ArtifactError(ModelError):
    """A folder is no artifact, does not match what it says of itself, or cannot be written."""


class TrainingError(ModelError):
    """These rows or settings cannot be trained on."""


class PolicyError(ModelError):
    """A policy is none, or no threshold does what it asks for."""


class ReportError(ModelError):
    """A report cannot be written."""


class DeviceError(ModelError):
    """A GPU was asked for and there is none to be used."""


class MissingExtraError(ModelError):
    """What trains and serves the network is not installed."""
