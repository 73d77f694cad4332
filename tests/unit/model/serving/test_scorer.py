import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.artifact.save import save
from model.errors import DeviceError
from model.serving import backend
from model.serving.scorer import Scorer
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scorer") / "artifact"
    save(place, trained.network, trained.metadata)
    return place


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Scorer:
    return Scorer.load(folder, batch_maximum=1000)


def test_it_says_what_it_is(scorer: Scorer, trained: Trained) -> None:
    assert scorer.backend == "tensorflow"
    assert scorer.device.split()[0] in {"cpu", "gpu"}
    assert scorer.metadata.threshold == trained.metadata.threshold


def test_scores_are_float32_a_row_each(scorer: Scorer, raw: NDArray[np.float32]) -> None:
    scorer.warm_up()
    scores = scorer(raw[:1000])
    assert (scores.shape, scores.dtype) == ((1000,), np.float32)
    assert scorer(raw[:0]).shape == (0,)
    assert scorer(raw[:0]).dtype == np.float32


def test_frauds_score_higher(
    scorer: Scorer, raw: NDArray[np.float32], transactions: pd.DataFrame
) -> None:
    scores, fraud = scorer(raw[:1000]), transactions["Class"].to_numpy()[:1000] == 1
    assert np.median(scores[fraud]) > 0.5 > np.median(scores[~fraud])


@settings(deadline=None, max_examples=50)
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


def test_a_gpu_that_is_not_there_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = backend.import_keras()
    monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: [])
    with pytest.raises(DeviceError, match="A GPU was asked for, but tensorflow sees none"):
        Scorer.load(folder, device="gpu")


def test_a_gpu_in_use_cannot_be_hidden(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = backend.import_keras()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: ["gpu:0"])
    with pytest.raises(DeviceError, match="already computes on a GPU"):
        Scorer.load(folder, device="cpu")


def alone(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_a_service_imports_nothing_needless_and_prints_no_banner(folder: Path) -> None:
    ended = alone(
        "import sys, pathlib, numpy\n"
        "from model.serving.scorer import Scorer\n"
        f"scorer = Scorer.load(pathlib.Path({str(folder)!r}), device='cpu')\n"
        "scorer.warm_up()\n"
        "print(scorer.device, sorted({'pandas', 'sklearn', 'jax'} & set(sys.modules)))\n"
        "import pandas, sklearn, jax\n"  # hidden only while Keras looked for them
    )
    assert ended.stdout == "cpu []\n"
    assert ended.stderr == ""


def test_real_errors_on_stderr_are_not_swallowed() -> None:
    ended = alone(
        "import os\n"
        "from model.serving.backend import _without_banners\n"
        "with _without_banners():\n"
        "    os.write(2, b'I0000 00:00:1.2 1 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "    os.write(2, b'E0000 00:00:1.2 1 cuda.cc:1] out of memory\\n')\n"
        "    os.write(2, b'Segmentation fault\\n')\n"
    )
    assert ended.stderr == "E0000 00:00:1.2 1 cuda.cc:1] out of memory\nSegmentation fault\n"
