import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from dataset.columns import FEATURES
from model.artifact import save as saving
from model.artifact.graph import translate
from model.artifact.load import load_metadata
from model.artifact.save import check_replaceable, save
from model.errors import ArtifactError, ArtifactMissingError
from model.plots.plot import RenderedPlot
from model.serving.runtime import Runtime
from model.serving.scorer import Scorer
from model.training.train import Trained

# Keras 3.15 converts its variables in a way that numpy 2 warns about, whenever it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RUNTIMES: tuple[Runtime, ...] = ("keras", "onnx")


@pytest.fixture
def folder(artifact: Path, tmp_path: Path) -> Path:
    """A copy of the artifact, alone in its folder."""
    return Path(shutil.copytree(artifact, tmp_path / "artifact"))


def change(folder: Path, **fields: Any) -> None:
    path = folder / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_artifact_is_four_files_with_one_version(folder: Path) -> None:
    assert sorted(contents(folder)) == ["README.md", "metadata.json", "model.keras", "model.onnx"]
    metadata = load_metadata(folder)
    assert metadata.model_version.endswith(metadata.model_sha256[:8])
    assert (folder / "model.keras").stat().st_size < 1_000_000  # without the optimizer's memory
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]


def test_other_users_may_read_it(folder: Path) -> None:
    # The service runs as another user than training.
    assert folder.stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_card_names_synthetic_data_and_has_front_matter(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: keras\n")
    assert "model-index:" in card.split("---\n")[1]
    assert "Every number below comes from synthetic transactions" in card
    assert f"{load_metadata(folder).held_out.average_precision:.4f}" in card


def test_saved_and_loaded_scores_agree(
    folder: Path, trained: Trained, raw: NDArray[np.float32]
) -> None:
    # For all rows, not only the sample, and against the network that was never saved.
    direct = np.asarray(trained.network(raw, training=False))[:, 0]
    for runtime in RUNTIMES:
        scores = Scorer.load(folder, runtime=runtime)(raw)
        assert np.allclose(scores, direct, rtol=0, atol=1e-6)


def test_an_artifact_without_a_drift_baseline_loads(folder: Path) -> None:
    assert load_metadata(folder).reference is not None
    metadata = json.loads((folder / "metadata.json").read_text())
    del metadata["reference"]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    assert load_metadata(folder).reference is None
    Scorer.load(folder)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("scores", "shares"), [1.0]),
        (("scores", "edges"), [0.5, 0.1] * 4 + [0.7]),
        (("features",), []),
    ],
)
def test_an_invalid_drift_baseline_is_rejected(
    folder: Path, path: tuple[str, ...], value: Any
) -> None:
    reference = json.loads((folder / "metadata.json").read_text())["reference"]
    inner = reference[path[0]] if len(path) > 1 else reference
    inner[path[-1]] = value
    change(folder, reference=reference)
    with pytest.raises(
        ArtifactError, match=r"one share more than there are edges|a drift baseline of 0 features"
    ):
        load_metadata(folder)


def test_an_artifact_without_a_graph_loads_with_keras(folder: Path) -> None:
    metadata = json.loads((folder / "metadata.json").read_text())
    del metadata["graph_sha256"]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "model.onnx").unlink()
    assert Scorer.load(folder).runtime == "keras"


def test_an_older_artifact_is_replaced(folder: Path, trained: Trained) -> None:
    save(folder, trained.network, msgspec.structs.replace(trained.metadata, seed=99))
    assert load_metadata(folder).seed == 99
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]


def test_a_folder_with_other_files_is_left_alone(folder: Path, trained: Trained) -> None:
    (folder / "thesis.tex").write_text("years of work")
    before = contents(folder)
    with pytest.raises(ArtifactError, match=r"holds thesis\.tex, which is no part of an artifact"):
        save(folder, trained.network, trained.metadata)
    assert contents(folder) == before


def test_a_file_of_the_same_name_is_left_alone(tmp_path: Path, trained: Trained) -> None:
    (tmp_path / "artifact").write_text("mine")
    with pytest.raises(ArtifactError, match="is not a folder"):
        save(tmp_path / "artifact", trained.network, trained.metadata)


@pytest.mark.parametrize("step", ["_sha256", "card", "sync"])
def test_a_full_disk_leaves_the_older_artifact(
    folder: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = contents(folder)
    monkeypatch.setattr(saving, step, full)
    with pytest.raises(ArtifactError, match="cannot be written: the disk is full"):
        save(folder, trained.network, trained.metadata)
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]


def test_an_interrupted_replacement_restores_the_older_artifact(
    folder: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename = contents(folder), Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if target == folder and not path.name.endswith(".older"):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(folder, trained.network, trained.metadata)
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["artifact"]


def swapped(first: int, second: int) -> list[str]:
    names = list(FEATURES)
    names[first], names[second] = names[second], names[first]
    return names


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"format_version": 3}, r"has format 3 and this fraudstream reads 2: upgrade"),
        ({"format_version": 1}, r"has format 1 and this fraudstream reads 2: train again"),
        ({"threshold": 1.5}, r"is not an artifact's metadata: .*\$\.threshold"),
        ({"held_out": None}, r"is not an artifact's metadata: .*\$\.held_out"),
        ({"feature_names": swapped(3, 4)}, "another order: number 4 is V4 and not V3; train again"),
        ({"feature_names": FEATURES[:-1]}, r"29 other features than the 30 .*\(Amount\)"),
        ({"feature_names": [*FEATURES, "V1"]}, "31 other features .*some are named twice"),
        ({"feature_names": [*FEATURES, "Country"]}, r"31 other features .*\(Country\)"),
        ({"model_sha256": "0" * 64}, "is not the file that metadata.json describes"),
        ({"sample": {"features": [[1.0]], "scores": [0.5]}}, "has an incomplete sample"),
        ({"sample": {"features": [], "scores": []}}, "has an incomplete sample"),
    ],
)
def test_metadata_that_do_not_match_are_rejected(
    folder: Path, fields: dict[str, Any], sentence: str
) -> None:
    change(folder, **fields)
    with pytest.raises(ArtifactError, match=sentence):
        Scorer.load(folder, runtime="keras")


def test_scores_that_are_not_reproduced_are_rejected(folder: Path) -> None:
    sample = json.loads((folder / "metadata.json").read_text())["sample"]
    sample["scores"][0] += 5e-5 if sample["scores"][0] < 0.5 else -5e-5
    change(folder, sample=sample)
    with pytest.raises(ArtifactError, match=r"differently here than in training \(by 5\.0e-05"):
        Scorer.load(folder, runtime="keras")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff", b'{"format_version": "1"}', b"[" * 9999]
)
def test_invalid_metadata_are_rejected(folder: Path, text: bytes) -> None:
    (folder / "metadata.json").write_bytes(text)
    with pytest.raises(ArtifactError, match="is not an artifact's metadata"):
        load_metadata(folder)


def test_a_newer_format_is_named_although_its_fields_are_unknown(folder: Path) -> None:
    (folder / "metadata.json").write_text('{"format_version": 7, "novelty": true}')
    with pytest.raises(ArtifactError, match="has format 7"):
        load_metadata(folder)


@pytest.mark.parametrize("name", ["model.keras", "metadata.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing, so .* is not a whole artifact"):
        Scorer.load(folder, runtime="keras")


def test_a_missing_artifact_has_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissingError, match=r"There is no artifact at .*nowhere"):
        Scorer.load(tmp_path / "nowhere")


def test_a_changed_network_is_rejected_before_it_is_loaded(folder: Path) -> None:
    with (folder / "model.keras").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ArtifactError, match=r"is not the file that metadata.json describes"):
        Scorer.load(folder, runtime="keras")


def disguise(folder: Path, payload: bytes) -> None:
    """Replace the network by other bytes, with their checksum."""
    (folder / "model.keras").write_bytes(payload)
    change(folder, model_sha256=saving._sha256(folder / "model.keras"))


def test_a_file_that_keras_cannot_load_is_rejected(folder: Path) -> None:
    disguise(folder, b"no archive")
    with pytest.raises(ArtifactError, match=r"^Keras .* cannot load .*model\.keras \(saved by"):
        Scorer.load(folder, runtime="keras")


def test_a_changed_or_missing_graph_is_rejected(folder: Path) -> None:
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes() + b"!")
    with pytest.raises(ArtifactError, match=r"model\.onnx is not the file that metadata\.json"):
        Scorer.load(folder, runtime="onnx")
    graph.unlink()
    with pytest.raises(ArtifactError, match=r"model\.onnx is missing, so .* is not a whole"):
        Scorer.load(folder, runtime="onnx")


def test_a_file_that_onnxruntime_cannot_load_is_rejected(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no graph")
    change(folder, graph_sha256=saving._sha256(folder / "model.onnx"))
    with pytest.raises(ArtifactError, match=r"^onnxruntime cannot load .*model\.onnx: "):
        Scorer.load(folder, runtime="onnx")


def test_the_graph_of_another_network_is_rejected(folder: Path, trained: Trained) -> None:
    other = keras_copy(trained)
    other.get_layer("score").set_weights([np.zeros((256, 1)), np.zeros(1)])
    (folder / "model.onnx").write_bytes(translate(other))
    change(folder, graph_sha256=saving._sha256(folder / "model.onnx"))
    with pytest.raises(ArtifactError, match=r"scores its sample differently here than in training"):
        Scorer.load(folder, runtime="onnx")


def keras_copy(trained: Trained) -> Any:
    import keras

    return keras.models.clone_model(trained.network)


def test_a_network_with_code_in_it_is_rejected(folder: Path, tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((30,))
    network = keras.Model(inputs, keras.layers.Lambda(lambda x: x[:, :1])(inputs))
    network.save(tmp_path / "code.keras")
    disguise(folder, (tmp_path / "code.keras").read_bytes())
    with pytest.raises(ArtifactError, match=r"cannot load .*[Ll]ambda"):
        Scorer.load(folder, runtime="keras")


def test_a_network_of_another_width_is_rejected(folder: Path, tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((29,))
    keras.Model(inputs, keras.layers.Dense(1)(inputs)).save(tmp_path / "narrow.keras")
    disguise(folder, (tmp_path / "narrow.keras").read_bytes())
    with pytest.raises(ArtifactError, match=r"takes 29 features and metadata.json names 30"):
        Scorer.load(folder, runtime="keras")


def test_a_folder_that_cannot_be_written_is_rejected_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = Path("/proc/fraudstream/artifact")  # not even root may create a folder there
    with pytest.raises(ArtifactError, match=r"cannot be written: .*; choose a folder that"):
        check_replaceable(place)
    check_replaceable(tmp_path / "new" / "artifact")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_plots_are_written_beside_the_card(tmp_path: Path, trained: Trained) -> None:
    folder = tmp_path / "artifact"
    names = ("history", "network")
    plots = [RenderedPlot(name, "A caption.", b"light", b"dark") for name in names]
    save(folder, trained.network, trained.metadata, plots)
    shown = re.findall(r"pictures/[\w-]+\.png", (folder / "README.md").read_text())
    assert sorted(shown) == sorted(
        str(path.relative_to(folder)) for path in (folder / "pictures").iterdir()
    )
    assert (folder / "pictures" / "history-dark.png").read_bytes() == b"dark"
    save(folder, trained.network, trained.metadata)  # replaced as a whole
    assert not (folder / "pictures").exists()
