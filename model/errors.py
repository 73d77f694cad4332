"""Errors between a data set and a score.

ModelError
├── ArtifactError              an artifact is damaged, does not match, or cannot be written
│   ├── ArtifactMissingError   there is no artifact in this place
│   └── GraphMissingError      the artifact has no ONNX graph
├── GraphError                 a network has no sound translation into an ONNX graph
├── StoreError                 a model store cannot be used, or not do what was asked
│   ├── StoreMissingError      there is no model store in this place
│   └── VersionMissingError    the store has no such version
├── TrainingError              these rows or settings cannot be trained on
├── PolicyError                an unknown policy, or one that no threshold satisfies
├── ReportError                a report cannot be written
├── BackendError               KERAS_BACKEND names no backend that is installed
├── DeviceError                the network cannot run on the chosen device
│   ├── NoGpuError             a GPU was required and there is none
│   ├── CpuOnlyError           a GPU was required and the chosen runtime uses none
│   └── GpuInUseError          the CPU was required and the process already uses a GPU
└── MissingExtraError          a package that training or serving needs is not installed
"""

from errors import FraudstreamError


class ModelError(FraudstreamError):
    """Root of this package's errors."""


class ArtifactError(ModelError):
    """An artifact is damaged, does not match its metadata, or cannot be written."""


class ArtifactMissingError(ArtifactError):
    """There is no artifact in this place."""


class GraphMissingError(ArtifactError):
    """The artifact has no ONNX graph."""


class GraphError(ModelError):
    """A network has no translation into an ONNX graph, or one that scores otherwise."""


class StoreError(ModelError):
    """A model store cannot be used, or cannot do what was asked."""


class StoreMissingError(StoreError):
    """There is no model store in this place."""


class VersionMissingError(StoreError):
    """The store has no such version."""


class TrainingError(ModelError):
    """These rows or settings cannot be trained on."""


class PolicyError(ModelError):
    """A policy is unknown, or no threshold satisfies it."""


class ReportError(ModelError):
    """A report cannot be written."""


class BackendError(ModelError):
    """KERAS_BACKEND names a backend that is unknown or not installed."""


class DeviceError(ModelError):
    """The network cannot run on the chosen device."""


class NoGpuError(DeviceError):
    """A GPU was required and there is none."""


class CpuOnlyError(DeviceError):
    """A GPU was required and the chosen runtime computes on the CPU only."""


class GpuInUseError(DeviceError):
    """The CPU was required and the process already uses a GPU."""


class MissingExtraError(ModelError):
    """A package that training or serving needs is not installed."""
