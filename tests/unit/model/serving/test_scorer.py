import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.errors import GpuInUseError, NoGpuError
from model.labelled import Labelled
from model.serving import backend
from model.serving.scorer import Scorer
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def scorer(artifact: Path) -> Scorer:
    return Scorer.load(artifact, batch_maximum=1000)


def test_it_knows_backend_device_and_threshold(scorer: Scorer, trained: Trained) -> None:
    assert scorer.backend == "tensorflow"
    assert scorer.device.split()[0] in {"cpu", "gpu"}
    assert scorer.metadata.threshold == trained.metadata.threshold


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
    scorer: Scorer, raw: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_gpu_in_use_cannot_be_hidden(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = backend.import_keras()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: ["gpu:0"])
    with pytest.raises(GpuInUseError, match="already computes on a GPU"):
        Scorer.load(artifact, device="cpu")


def alone(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
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
            "pandas",
            "sklearn",
            "tensorflow",
        }
    )


# TensorFlow's libraries log these lines, of severity I, while they load and before they read the
# level of their log.
FIRST_LINES = ("WARNING: All log messages before absl::InitializeLog()", "I0000 ")


def test_a_service_imports_nothing_needless_and_logs_no_error(artifact: Path) -> None:
    ended = alone(
        "import sys, pathlib, numpy\n"
        "from model.serving.scorer import Scorer\n"
        f"scorer = Scorer.load(pathlib.Path({str(artifact)!r}), device='cpu')\n"
        "scorer.warm_up()\n"
        "print(scorer.device, sorted({'pandas', 'sklearn', 'jax'} & set(sys.modules)))\n"
        "import pandas, sklearn, jax\n"  # hidden only while Keras was imported
    )
    assert ended.stdout == "cpu []\n"
    assert [line for line in ended.stderr.splitlines() if not line.startswith(FIRST_LINES)] == []
