"""Another threshold for the same network: its metrics, its name, its files."""

from pathlib import Path

import msgspec
import pytest

from model.artifact.card import card
from model.artifact.load import load_metadata
from model.errors import ArtifactError, PolicyError
from model.evaluation.threshold import Policy
from model.threshold_change import change_threshold, write_version
from tests.support.scored import scored
from tests.support.versions import metadata, write_artifact

OLD = metadata()


def test_the_change_is_measured_on_the_held_out_rows() -> None:
    change = change_threshold(OLD, Policy.parse("recall:1"))
    before, after = change.before, change.after
    assert (before.threshold, before.policy) == (0.7, "precision:0.7")
    assert (before.recall, before.precision, before.alerts_a_day) == (0.75, 0.75, 8)
    assert (before.amount_caught, before.amount_missed) == (160, 5)
    assert after.threshold == pytest.approx(0.3)
    assert (after.recall, after.precision, after.alerts_a_day) == (1, 0.5, 16)
    assert (after.amount_caught, after.amount_missed) == (165, 0)


def test_the_new_metadata_describe_the_new_threshold() -> None:
    new = change_threshold(OLD, Policy.parse("recall:1")).metadata
    assert new.threshold == new.held_out.threshold == pytest.approx(0.3)
    assert new.held_out.recall == 1
    assert new.operating_points[0].policy == "recall:1"
    assert new.threshold_policy == "the highest one at which recall is at least 1"
    assert new.model_sha256 == OLD.model_sha256
    assert (new.sample, new.curve) == (OLD.sample, OLD.curve)


def test_the_name_has_the_exact_threshold_and_does_not_grow() -> None:
    first = change_threshold(OLD, Policy.parse("0.25")).metadata
    assert first.model_version == f"{OLD.model_version}.t0.25"
    again = change_threshold(first, Policy.parse("0.00001")).metadata
    assert again.model_version == f"{OLD.model_version}.t1e-05"
    assert again.same_network_as == OLD.model_version
    close = [change_threshold(OLD, Policy.parse(text)) for text in ("0.99999994", "0.9999999")]
    assert len({change.metadata.model_version for change in close}) == 2


def test_other_rows_choose_the_threshold_and_the_card_names_them() -> None:
    rows = scored([1, 1, 0, 0], [0.95, 0.85, 0.8, 0.1], amounts=[10.0, 20.0, 1.0, 1.0], days=2)
    change = change_threshold(OLD, Policy.parse("precision:1"), rows, name="later.csv")
    assert 0.8 < change.metadata.threshold < 0.85
    assert (change.before.alerts_a_day, change.after.alerts_a_day) == (1.5, 1)
    assert change.after.amount_caught == 30
    # The model card stays about the rows that were held out from the training.
    assert change.metadata.held_out.rows == OLD.held_out.rows
    assert change.metadata.held_out.recall == 0.75
    assert "It was chosen on later.csv." in card(change.metadata)


def test_the_card_says_what_differs() -> None:
    text = card(change_threshold(OLD, Policy.parse("0.25")).metadata)
    assert f"The network is that of {OLD.model_version}" in text
    assert "The threshold is 0.25, as it was set." in text
    assert "It was chosen on" not in text
    assert "same rows that precision and recall" in card(OLD)
    assert "The network is that of" not in card(OLD)


def test_the_version_shares_the_files_of_the_network(tmp_path: Path) -> None:
    write_artifact(tmp_path / "old")
    (tmp_path / "old" / "model.onnx").write_bytes(b"another form of it")
    (tmp_path / "old" / "pictures").mkdir()
    new = change_threshold(OLD, Policy.parse("0.25")).metadata
    write_version(tmp_path / "old", new, tmp_path / "new")
    assert load_metadata(tmp_path / "new") == new
    assert load_metadata(tmp_path / "old") == OLD
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["README.md", "metadata.json", "model.keras", "model.onnx"]
    for name in ("model.keras", "model.onnx"):
        assert (tmp_path / "new" / name).samefile(tmp_path / "old" / name)


def test_files_are_copied_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: Path, _place: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", refuse)
    write_artifact(tmp_path / "old")
    write_version(
        tmp_path / "old", change_threshold(OLD, Policy.parse("0.25")).metadata, tmp_path / "new"
    )
    assert (tmp_path / "new" / "model.keras").read_bytes() == b"network"


def test_what_cannot_be_done_is_explained() -> None:
    with pytest.raises(PolicyError, match=r"the best is 0\.750"):
        change_threshold(OLD, Policy.parse("precision:0.9"))
    older = msgspec.structs.replace(OLD, curve=None)
    with pytest.raises(ArtifactError, match="has no operating curve: train again"):
        change_threshold(older, Policy.parse("0.5"))
