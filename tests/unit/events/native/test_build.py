"""The library is that of the present source, or there is none and everything works without it."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.detector.decode import Decoder
from events.codec import encode
from events.errors import NativeCodeError
from events.messages import FEATURES
from events.native import build as building
from events.native.build import build, compilers, library_path
from events.native.library import NativeDecoder, usual_decoder
from tests.decoding.values import TRANSACTION
from tests.support.records import StoredRecord

ROOT = Path(__file__).resolve().parents[4]
needs_compiler = pytest.mark.skipif(not any(compilers()), reason="there is no C compiler")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the source, which is compiled and loaded instead."""
    copy = tmp_path / building.SOURCE.name
    copy.write_bytes(building.SOURCE.read_bytes())
    monkeypatch.setattr(building, "SOURCE", copy)
    return copy


@needs_compiler
def test_the_library_of_another_source_is_not_loaded(source: Path) -> None:
    first = build()
    NativeDecoder()
    source.write_text(source.read_text() + "\n")
    with pytest.raises(NativeCodeError, match=r"cannot be loaded: .*\.so"):
        NativeDecoder()
    second = build()
    NativeDecoder()
    assert first != second
    assert sorted(source.parent.iterdir()) == sorted([source, second])


def test_a_library_that_is_none_is_an_error(source: Path) -> None:
    library_path().write_bytes(b"not a library")
    with pytest.raises(NativeCodeError, match="cannot be loaded"):
        NativeDecoder()


@pytest.mark.parametrize(
    ("compiler", "message"),
    [
        ("/nonexistent/cc -m64", "/nonexistent/cc: .*No such file"),
        (f"{sys.executable} --no-such-option", "unknown option"),
        ("", "there is no C compiler"),
    ],
)
def test_without_a_compiler_that_works_there_is_no_library(
    compiler: str, message: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NativeCodeError, match=f"cannot be compiled: .*{message}"):
        build()
    assert [*source.parent.iterdir()] == [source]


def test_without_a_library_records_are_decoded_and_it_is_logged_once(
    source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    usual_decoder.cache_clear()
    with caplog.at_level(logging.WARNING):
        batches = [
            Decoder(FEATURES).decode([StoredRecord(0, 0, encode(TRANSACTION))]) for _ in range(2)
        ]
    usual_decoder.cache_clear()
    assert [batch.ids for batch in batches] == [["row-0000001"]] * 2
    (warning,) = caplog.messages
    assert "python -m events.native.build" in warning
    assert str(source.parent) in warning


def test_a_wheel_without_the_library_is_for_any_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/nonexistent")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "cannot be compiled" in answer.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert b".so" not in wheel.read_bytes()
