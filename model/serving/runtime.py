"""Choose what computes a network's scores: Keras, or onnxruntime with the network's ONNX graph."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from model.serving.backend import BACKENDS, Device

Runtime = Literal["keras", "onnx"]
RuntimeChoice = Literal["auto", "keras", "onnx"]

# Device files of NVIDIA's driver, and its library under WSL. Asking TensorFlow instead would take
# seconds and most of the memory that onnxruntime saves.
_GPUS = ("dev/nvidia[0-9]*", "usr/lib/wsl/lib/libcuda.so*")
_HIDDEN = ("", "-1")


def choose_runtime(choice: RuntimeChoice, device: Device, *, has_graph: bool) -> Runtime:
    """Return the runtime for a choice: for "auto", onnxruntime where no GPU is to be used.

    "auto" takes Keras where a GPU is required or there; where KERAS_BACKEND names another backend
    than the default; and where there is no graph, or no onnxruntime. Where Keras is not installed,
    it takes onnxruntime.

    Args:
        choice: the user's.
        device: the user's choice of a device.
        has_graph: whether the artifact has an ONNX graph.
    """
    if choice != "auto":
        return choice
    if device == "gpu":
        return "keras"
    if find_spec("keras") is None:
        return "onnx"
    usable = has_graph and find_spec("onnxruntime") is not None
    chosen_backend = os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if not usable or chosen_backend != BACKENDS[0] or (device == "auto" and has_gpu()):
        return "keras"
    return "onnx"


def has_gpu(root: Path = Path("/")) -> bool:
    """Return whether this process can see an NVIDIA GPU, by its driver's files below `root`."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in _HIDDEN:
        return False
    return any(path for pattern in _GPUS for path in root.glob(pattern))
