"""A network that was trained on TensorFlow gives the same scores on another Keras backend."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.save import save
from model.errors import BackendError
from model.recipes import RECIPES
from model.recipes.recipe import Recipe
from model.serving.backend import import_keras
from model.serving.scorer import Scorer
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# Recipes that differ in training alone have the same network.
NETWORKS = {(recipe.preparation, recipe.layers): recipe for recipe in RECIPES.values()}

# The backend is chosen when Keras is imported, so another one needs a process of its own.
SCORE = """
import pathlib, sys
import numpy as np
from model.serving.backend import use_device
from model.errors import DeviceError
from model.serving.scorer import Scorer

try:
    use_device("gpu")
except DeviceError as error:
    print(error)
folder = pathlib.Path(sys.argv[1])
rows = np.load(folder / "rows.npy")
for path in folder.glob("*/metadata.json"):
    scorer = Scorer.load(path.parent, device="cpu")
    np.save(folder / path.parent.name, np.append(scorer(rows), scorer(rows[:77])))
    print(scorer.backend, scorer.metadata.versions["backend"])
"""


@pytest.fixture(scope="module")
def folder(
    by_recipe: Callable[[str], Trained],
    raw: NDArray[np.float32],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with an artifact of each network, and beside it its scores on jax."""
    folder = tmp_path_factory.mktemp("backend")
    np.save(folder / "rows.npy", raw)
    for recipe in NETWORKS.values():
        trained = by_recipe(recipe.name)
        save(folder / recipe.name, trained.network, trained.metadata)
    # The user's own settings of Keras must not decide with how many bits a detector scores.
    home = tmp_path_factory.mktemp("home")
    (home / ".keras").mkdir()
    (home / ".keras/keras.json").write_text('{"floatx": "float16", "backend": "torch"}')
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCORE, str(folder)],
        env={**os.environ, "KERAS_BACKEND": "jax", "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    no_gpu, *lines = ended.stdout.splitlines()
    assert no_gpu.startswith("A GPU is required, but jax finds none")
    assert lines == ["jax tensorflow"] * len(NETWORKS)
    return folder


@pytest.mark.parametrize("recipe", NETWORKS.values(), ids=lambda recipe: recipe.name)
def test_jax_scores_as_tensorflow_does(
    folder: Path, raw: NDArray[np.float32], recipe: Recipe
) -> None:
    on_jax = np.load(folder / f"{recipe.name}.npy")
    on_tensorflow = Scorer.load(folder / recipe.name)(raw)
    assert on_tensorflow.std() > 1e-3
    assert np.allclose(on_jax, np.append(on_tensorflow, on_tensorflow[:77]), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("theano", "KERAS_BACKEND is 'theano'; it must be tensorflow, jax or torch, or not set."),
        ("torch", "KERAS_BACKEND is torch, which is not installed"),
    ],
)
def test_an_unusable_backend_is_rejected(
    monkeypatch: pytest.MonkeyPatch, backend: str, message: str
) -> None:
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr("model.serving.backend.find_spec", lambda _name: None)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(BackendError, match=message):
        import_keras()
