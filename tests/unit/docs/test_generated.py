"""The generated sections of docs/ are current, and complete."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.main import fraudstream
from tools.docs import configuration, metrics
from tools.docs.__main__ import generate

ROOT = Path(__file__).resolve().parent.parent.parent.parent
ROOMS = ("fraudstream", "broker", "producer", "consumer", "kafkaio", "model", "dataset", "events")
COMMANDS = [
    context.command_path.removeprefix("fraudstream ") for context in configuration.contexts()
]
PAGE = (ROOT / "docs" / "configuration.md").read_text()


def texts(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.suffix in {".md", ".json"})
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def test_everything_is_current(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    generate(tmp_path / "docs")
    committed, written = texts(ROOT / "docs"), texts(tmp_path / "docs")
    names = committed.keys() | written.keys()
    outdated = [name for name in names if committed.get(name) != written.get(name)]
    assert not outdated, f"{outdated} are out of date; run `make docs`"


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
    """Yield the environment variables that the code names."""
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


def test_labels_and_buckets_are_listed() -> None:
    detector = metrics.sections()["DetectorMetrics"]
    assert "| `fraud_kafka_consumer_lag` | gauge | `topic`; `partition` |" in detector
    assert "| `fraud_feature_drift_psi` | gauge | `feature` |" in detector
    assert "| `fraud_batches_total` | counter | `trigger`: `drained`, `full` |" in detector
    assert re.search(
        r"\| `fraud_scoring_latency_seconds` \| 0\.0005, .*, 60\.0, \+Inf \|", detector
    )
