"""The JVM that runs Kafka."""

from pathlib import Path

import pytest

from broker.java import start_java


@pytest.mark.parametrize("variable", ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"])
def test_options_for_other_java_programs_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The JVM refuses to start with two garbage collectors."""
    monkeypatch.setenv(variable, "-XX:+UseParallelGC")
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = start_java((), ("-version",), log=file)
    assert process.wait(60) == 0, log.read_text()
    assert "Picked up" not in log.read_text()
