"""The AOT archive for faster starts: optional, created once, valid for exactly these jars."""

from pathlib import Path

import pytest

from broker import quickstart
from broker.errors import BrokerExitedError
from broker.quickstart import quick_options


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    path = tmp_path / "kafka.jar"
    path.write_bytes(b"jar")
    return path


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The archives created, by a stand-in for the JVM."""
    archives: list[Path] = []

    def create(archive: Path, _class_path: object) -> None:
        archives.append(archive)
        archive.write_bytes(b"archive")

    monkeypatch.setattr(quickstart, "_create", create)
    return archives


def test_the_archive_is_created_once(created: list[Path], tmp_path: Path, jar: Path) -> None:
    remarks: list[str] = []
    options = quick_options(tmp_path, [jar], remark=remarks.append)
    assert options[-1] == f"-XX:AOTCache={created[0]}"
    assert quick_options(tmp_path, [jar], remark=remarks.append) == options
    assert len(created) == len(remarks) == 1


def test_other_jars_need_another_archive(created: list[Path], tmp_path: Path, jar: Path) -> None:
    first = quick_options(tmp_path, [jar])
    jar.write_bytes(b"another")
    assert quick_options(tmp_path, [jar]) != first
    assert len(created) == 2


def test_after_three_failures_kafka_starts_without_an_archive(
    tmp_path: Path, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Path] = []

    def fail(archive: Path, _class_path: object) -> None:
        attempts.append(archive)
        raise BrokerExitedError("It ended.\nAnd so on.")

    monkeypatch.setattr(quickstart, "_create", fail)
    remarks: list[str] = []
    for _start in range(5):
        assert quick_options(tmp_path, [jar], remark=remarks.append) == ()
    assert len(attempts) == 3
    assert remarks[1].endswith("It ended. | And so on.")
