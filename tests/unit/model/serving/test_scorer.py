import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.errors import CpuOnlyError, GpuInUseError, NoGpuError
from model.labelled import Labelled
from model.serving import backend
from model.serving.runtime import Runtime
from model.serving.scorer import Scorer
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


RUNTIMES: tuple[Runtime, ...] = ("keras", "onnx")


@pytest.fixture(scope="module", params=RUNTIMES)
def scorer(request: pytest.FixtureRequest, artifact: Path) -> Scorer:
    return Scorer.load(artifact, runtime=request.param, batch_maximum=1000)


def test_it_knows_runtime_device_and_threshold(scorer: Scorer, trained: Trained) -> None:
    backends = {"keras": "tensorflow", "onnx": "onnxruntime"}
    assert scorer.backend == backends[scorer.runtime]
    assert scorer.device.split()[0] in {"cpu", "gpu"}
    assert scorer.metadata.threshold == trained.metadata.threshold


def test_both_runtimes_give_the_same_scores(artifact: Path, raw: NDArray[np.float32]) -> None:
    keras, onnx = (Scorer.load(artifact, runtime=runtime) for runtime in RUNTIMES)
    assert np.allclose(onnx(raw), keras(raw), rtol=0, atol=1e-6)
    columns = np.asfortranarray(raw)  # as pandas returns it
    assert np.array_equal(onnx(columns), onnx(raw))


def test_two_threads_may_score_at_once(scorer: Scorer, raw: NDArray[np.float32]) -> None:
    expected = scorer(raw)
    with ThreadPoolExecutor(2) as pool:
        for scores in pool.map(scorer, [raw] * 20):
            assert np.array_equal(scores, expected)


def test_scores_are_one_float32_per_row(scorer: Scorer, raw: NDArray[np.float32]) -> None:
    scorer.warm_up()
    scores = scorer(raw[:1000])
    assert scores.shape == (1000,)
    assert scores.dtype == np.float32
    assert scorer(raw[:0]).shape == (0,)
    assert scorer(raw[:0]).dtype == np.float32


def test_frauds_score_higher(scorer: Scorer, raw: NDArray[np.float32], rows: Labelled) -> None:
    scores, fraud = scorer(raw[:1000]), rows.fraud[:1000]
    assert np.median(scores[fraud]) > 0.5 > np.median(scores[~fraud])


@settings(max_examples=50)
@given(st.data())
def test_a_rows_score_does_not_depend_on_its_batch(
    scorer: Scorer, raw: NDArray[np.float32], data: st.DataObject
) -> None:
    alone = scorer(raw[:1000])
    start = data.draw(st.integers(0, 999))
    rows = data.draw(st.integers(1, 1000 - start))
    assert np.allclose(scorer(raw[start : start + rows]), alone[start : start + rows], atol=1e-6)


def test_no_new_batch_size_compiles_again(
    artifact: Path, raw: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer.load(artifact, runtime="keras", batch_maximum=1000)
    scorer.warm_up()
    import tensorflow as tf

    def traced(*_arguments: object, **_options: object) -> None:
        pytest.fail("the network was traced again")

    monkeypatch.setattr(tf, "reshape", traced)  # the last operation of the graph, in Python
    for rows in (1, 2, 3, 77, 640, 1000):
        scorer(raw[:rows])


def test_a_missing_gpu_is_an_error(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = backend.import_keras()
    monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: [])
    with pytest.raises(NoGpuError, match="A GPU is required, but tensorflow finds none"):
        Scorer.load(artifact, device="gpu")
    with pytest.raises(CpuOnlyError, match="A GPU is required, but ONNX graphs"):
        Scorer.load(artifact, runtime="onnx", device="gpu")


def test_a_gpu_in_use_cannot_be_hidden(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = backend.import_keras()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: ["gpu:0"])
    with pytest.raises(GpuInUseError, match="already computes on a GPU"):
        Scorer.load(artifact, runtime="keras", device="cpu")


def alone(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_a_process_that_loads_and_scores_imports_neither_training_nor_plots() -> None:
    ended = alone("import sys, model.serving.scorer; print(*sys.modules)")
    imported = set(ended.stdout.split())
    assert "model.artifact.load" in imported
    assert imported.isdisjoint(
        {
            "model.artifact.card",
            "model.artifact.save",
            "model.evaluation.evaluate",
            "model.labelled",
            "model.plots",
            "model.recipes",
            "model.training",
            "dataset.reader",
            "keras",
            "matplotlib",
            "onnx",
            "onnxruntime",
            "pandas",
            "sklearn",
            "tensorflow",
        }
    )


def test_scoring_with_the_graph_needs_no_tensorflow_and_reports_nothing(
    artifact: Path, tmp_path: Path
) -> None:
    ended = alone(
        "import sys, pathlib, numpy\n"
        "from model.serving.scorer import Scorer\n"
        f"scorer = Scorer.load(pathlib.Path({str(artifact)!r}), runtime='onnx')\n"
        "scorer.warm_up()\n"
        "print(scorer.runtime, scorer.device)\n"
        "print(*sys.modules)",
        HOME=str(tmp_path),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        CI="",  # onnxruntime reports nothing from continuous integration
        ORT_DISABLE_TELEMETRY="0",
    )
    runtime, modules = ended.stdout.splitlines()
    assert runtime == "onnx cpu"
    assert {"keras", "tensorflow", "onnx", "jax"}.isdisjoint(modules.split())
    assert ended.stderr == ""
    assert list(tmp_path.iterdir()) == []


# TensorFlow's libraries log these lines, of severity I, while they load and before they read the
# level of their log.
FIRST_LINES = ("WARNING: All log messages before absl::InitializeLog()", "I0000 ")


def test_a_service_imports_nothing_needless_and_logs_no_error(artifact: Path) -> None:
    ended = alone(
        "import sys, pathlib, numpy\n"
        "from model.serving.scorer import Scorer\n"
        f"scorer = Scorer.load(pathlib.Path({str(artifact)!r}), runtime='keras', device='cpu')\n"
        "scorer.warm_up()\n"
        "print(scorer.device, sorted({'pandas', 'sklearn', 'jax'} & set(sys.modules)))\n"
        "import pandas, sklearn, jax\n"  # hidden only while Keras was imported
    )
    assert ended.stdout == "cpu []\n"
    assert [line for line in ended.stderr.splitlines() if not line.startswith(FIRST_LINES)] == []
