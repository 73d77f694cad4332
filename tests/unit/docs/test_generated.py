"""What docs/ says of options, metrics and messages is what the code says now."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from fraudstream.main import fraudstream
from tests.unit.test_imports import MAY_IMPORT
from tools.docs import configuration, endings, metrics, pictures
from tools.docs.__main__ import generate

ROOT = Path(__file__).resolve().parent.parent.parent.parent
ROOMS = ("fraudstream", "broker", "producer", "consumer", "model", "dataset", "events")
COMMANDS = dict(configuration.commands_in_order())
PAGE = (ROOT / "docs" / "configuration.md").read_text()


def texts(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.suffix in {".md", ".json", ".svg"})
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def test_everything_is_current(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    generate(tmp_path / "docs")
    found, written = texts(ROOT / "docs"), texts(tmp_path / "docs")
    old = [name for name in found.keys() | written.keys() if found.get(name) != written.get(name)]
    assert not old, f"{old} are out of date; `make docs` writes them anew"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_help_shows_is_on_the_page(name: str) -> None:
    answer = CliRunner().invoke(fraudstream, [*name.split(), "--help"])
    section = PAGE.partition(f"### `fraudstream {name}`\n")[2].partition("\n### ")[0]
    shared = PAGE.partition("<!-- shared: begin -->")[2].partition("<!-- shared: end -->")[0]
    named = re.findall(r"^ {2}(--[a-z-]+)(?: / (--[a-z-]+))?", answer.output, re.MULTILINE)
    assert answer.exit_code == 0
    for option in {option for both in named for option in both} - {"", "--help"}:
        assert f"`{option}`" in section + shared, option


def variables() -> Iterator[str]:
    """Yield the name of each variable of the environment that the code names."""
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            code = file.read_text()
            yield from re.findall(r'"(FRAUDSTREAM_[A-Z_]+[A-Z])"', code)
            yield from re.findall(r'environ\.\w+\("(\w+)"', code)


def test_every_variable_is_on_the_page() -> None:
    found = set(variables())
    assert {"FRAUDSTREAM_CACHE", "KERAS_BACKEND"} <= found
    for variable in found:
        assert f"`{variable}`" in PAGE, variable


def test_what_ends_a_command_is_found_through_its_modules() -> None:
    found = {name: endings.failures(it.callback) for name, it in COMMANDS.items() if it.callback}
    assert found["completion"] == []
    assert found["replay"] == ["Kafka did not confirm everything that was sent."]
    again = "A dead letter still cannot be read, and the replay was told to stop at such a one."
    assert again in found["dead-letters replay"]
    assert again not in found["dead-letters list"]
    away = "Kafka did not answer for longer than the limit: let the orchestrator restart us."
    assert away in found["detect"]
    assert away not in found["quality"]


def test_labels_and_buckets_are_told() -> None:
    detector = metrics.sections()["DetectorMetrics"]
    assert "| `fraud_kafka_consumer_lag` | gauge | `topic`; `partition` |" in detector
    assert "| `fraud_feature_drift_psi` | gauge | `feature` |" in detector
    assert (
        "| `fraud_batches_total` | counter | `trigger`: `drained`, `full`, `waited` |" in detector
    )
    assert re.search(
        r"\| `fraud_scoring_latency_seconds` \| 0\.0005, .*, 60\.0, \+Inf \|", detector
    )


def test_the_picture_of_the_rooms_shows_what_they_may_import() -> None:
    may = {room: others for room, others in MAY_IMPORT.items() if room != "fraudstream"}
    assert may == pictures.IMPORTS


@pytest.mark.parametrize("name", pictures.files())
def test_a_picture_is_well_formed_and_nothing_in_it_is_cut_off(name: str) -> None:
    root = ET.fromstring(pictures.files()[name])  # noqa: S314 - our own
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [it.attrib for it in root.iter() if it.tag.endswith("rect")]
    assert len(boxes) >= len(pictures.IMPORTS)
    for box in boxes:
        assert float(box["x"]) + float(box["width"]) < width
        assert float(box["y"]) + float(box["height"]) < height
