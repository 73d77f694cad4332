"""What `--runtime auto` takes, and how a GPU is recognised without TensorFlow."""

from pathlib import Path

import pytest

from model.serving import runtime
from model.serving.backend import Device
from model.serving.runtime import RuntimeChoice, choose_runtime, has_gpu

BOTH = {"keras", "onnxruntime"}


@pytest.mark.parametrize(
    ("choice", "device", "gpu", "graph", "installed", "backend", "expected"),
    [
        ("auto", "auto", False, True, BOTH, "", "onnx"),
        ("auto", "auto", False, True, BOTH, "tensorflow", "onnx"),
        ("auto", "auto", True, True, BOTH, "", "keras"),
        ("auto", "cpu", True, True, BOTH, "", "onnx"),
        ("auto", "gpu", False, True, BOTH, "", "keras"),
        ("auto", "auto", False, True, BOTH, "jax", "keras"),
        ("auto", "auto", False, False, BOTH, "", "keras"),
        ("auto", "auto", False, True, {"keras"}, "", "keras"),
        ("auto", "auto", True, True, {"onnxruntime"}, "", "onnx"),
        ("auto", "auto", False, False, {"onnxruntime"}, "", "onnx"),
        ("keras", "auto", False, True, {"onnxruntime"}, "", "keras"),
        ("onnx", "auto", True, False, {"keras"}, "jax", "onnx"),
    ],
)
def test_the_choice(
    choice: RuntimeChoice,
    device: Device,
    gpu: bool,
    graph: bool,
    installed: set[str],
    backend: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr(runtime, "has_gpu", lambda: gpu)
    monkeypatch.setattr(runtime, "find_spec", lambda name: name if name in installed else None)
    assert choose_runtime(choice, device, has_graph=graph) == expected


@pytest.mark.parametrize(
    ("file", "visible", "expected"),
    [
        ("dev/null", None, False),
        ("dev/nvidiactl", None, False),
        ("dev/nvidia0", None, True),
        ("dev/nvidia12", "0,1", True),
        ("dev/nvidia0", "", False),
        ("dev/nvidia0", "-1", False),
        ("usr/lib/wsl/lib/libcuda.so.1", None, True),
    ],
)
def test_a_gpu_is_recognised_by_the_files_of_its_driver(
    file: str, visible: str | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert has_gpu(tmp_path) is expected
