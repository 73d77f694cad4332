"""The ONNX graph: the same scores as Keras's, the same bytes for the same network, or no graph."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact import graph
from model.artifact.graph import checked_graph, translate
from model.artifact.load import load_metadata
from model.artifact.metadata import Sample
from model.artifact.save import save
from model.errors import GraphError, GraphMissingError
from model.labelled import Labelled
from model.recipes import RECIPES
from model.recipes.recipe import Recipe
from model.serving.backend import import_keras
from model.serving.graph import graph_scores
from model.serving.scorer import Scorer
from model.training import network
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# Recipes that differ in training alone have the same network. Its weights need not be trained.
NETWORKS = {(recipe.preparation, recipe.layers): recipe for recipe in RECIPES.values()}
every_network = pytest.mark.parametrize("recipe", NETWORKS.values(), ids=lambda recipe: recipe.name)


@every_network
def test_the_graph_scores_as_keras_does(
    recipe: Recipe, rows: Labelled, raw: NDArray[np.float32]
) -> None:
    built = network.build(recipe, rows)
    score = graph_scores(translate(built))
    random = np.random.default_rng(2)
    strange = raw[random.permuted(np.arange(30 * 500).reshape(500, 30) % 500), np.arange(30)]
    strange *= random.choice([-1, 0, 3], strange.shape).astype(np.float32)
    # Without standardisation, log-odds are sums of numbers up to 1e5: float32 has no more digits.
    for inputs in (raw, strange) if recipe.preparation.standardised else (raw,):
        expected = np.asarray(built(inputs, training=False))[:, 0]
        assert score(inputs).dtype == np.float32
        assert np.allclose(score(inputs), expected, rtol=0, atol=1e-6)
        assert expected.std() > 1e-3


@every_network
def test_the_same_network_gives_the_same_bytes(
    recipe: Recipe, rows: Labelled, tmp_path: Path
) -> None:
    built = network.build(recipe, rows)
    built.save(tmp_path / "network.keras")
    loaded = import_keras().saving.load_model(tmp_path / "network.keras", compile=False)
    assert translate(built) == translate(built) == translate(loaded)


def test_small_scores_keep_their_digits() -> None:
    """onnxruntime's own Sigmoid would return 2e-8 for all of the first ones."""
    keras = import_keras()
    inputs = keras.Input((1,))
    plain = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(inputs))
    plain.set_weights([np.ones((1, 1)), np.zeros(1)])
    score = graph_scores(translate(plain))
    log_odds = np.linspace(-80, 20, 301, dtype=np.float32)[:, None]
    expected = 1 / (1 + np.exp(-log_odds[:, 0].astype(float)))
    assert np.allclose(score(log_odds), expected, rtol=1e-5, atol=0)
    assert score(np.array([[-200]], np.float32)) == [0]


UNUSUAL: dict[str, Callable[[Any], Any]] = {
    "another layer": lambda keras: keras.layers.BatchNormalization(),
    "another operation": lambda keras: keras.ops.tanh,
    "another activation": lambda keras: keras.layers.Dense(3, activation="tanh"),
    "no bias": lambda keras: keras.layers.Dense(3, use_bias=False),
    "every other column": lambda _: lambda inputs: inputs[:, ::2],
    "the inverse": lambda keras: keras.layers.Normalization(mean=1.0, variance=2.0, invert=True),
    "half precision": lambda keras: keras.layers.Dense(3, dtype="float16"),
    "below each other": lambda keras: (
        lambda inputs: keras.ops.concatenate([inputs, inputs], axis=0)
    ),
    "other rows": lambda keras: lambda inputs: keras.ops.take(inputs, np.array([0]), axis=0),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_without_a_translation_there_is_no_graph(kind: str) -> None:
    keras = import_keras()
    inputs = keras.Input((30,))
    layer = UNUSUAL[kind](keras)
    unusual = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(layer(inputs)))
    with pytest.raises(GraphError, match=r"has no translation into an ONNX graph\."):
        translate(unusual)


def test_a_graph_that_scores_otherwise_is_rejected(
    rows: Labelled, raw: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = network.build(RECIPES["champion"], rows)
    sample = Sample(features=raw[:8].tolist(), scores=[0.0] * 8)
    assert checked_graph(built, sample) == translate(built)
    monkeypatch.setitem(graph._TRANSLATIONS, "Clip", lambda _graph, _clip, inputs: inputs[0])
    with pytest.raises(GraphError, match=r"scores otherwise than the network, by \d"):
        checked_graph(built, sample)


def test_a_graph_that_is_not_valid_is_rejected(
    rows: Labelled, raw: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = network.build(RECIPES["prosise"], rows)
    sample = Sample(features=raw[:8].tolist(), scores=[0.0] * 8)
    monkeypatch.setitem(
        graph._TRANSLATIONS, "Dense", lambda built, _dense, inputs: built.add("Unknown", *inputs)
    )
    with pytest.raises(GraphError, match=r"its ONNX graph is not valid \(.*Unknown"):
        checked_graph(built, sample)


def test_an_artifact_may_be_saved_without_a_graph(
    trained: Trained,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(graph._TRANSLATIONS, "Take")
    folder = tmp_path / "artifact"
    with caplog.at_level(logging.WARNING):
        metadata = save(folder, trained.network, trained.metadata)
    (line,) = caplog.messages
    assert line.startswith("Saved without model.onnx, so detectors need Keras: its take")
    assert line.endswith("(Take) has no translation into an ONNX graph.")
    assert metadata.graph_sha256 is None
    assert load_metadata(folder) == metadata
    assert not (folder / "model.onnx").exists()
    assert Scorer.load(folder).runtime == "keras"
    with pytest.raises(GraphMissingError, match=r"has no model\.onnx: train again"):
        Scorer.load(folder, runtime="onnx")
