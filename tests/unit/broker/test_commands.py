"""The commands `broker` and `topics`: usage errors that are found before connecting to Kafka."""

from datetime import timedelta

import click
import pytest

from fraudstream.commands.topics import Retention
from fraudstream.main import main


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("forever", None),
    ],
)
def test_retention_is_parsed(text: str, expected: timedelta | None) -> None:
    assert Retention().convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1.5h", "7 d", "1w", "9999999d"])
def test_an_invalid_retention_is_rejected(text: str) -> None:
    with pytest.raises(click.BadParameter, match="forever"):
        Retention().convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["broker", "--temporary", "--data", "x"], "exclude each other"),
        (["broker", "--port", "0"], "'--port'"),
        (["topics", "create", "--partitions", "0"], "'--partitions'"),
        (["topics", "create", "--min-isr", "2"], "nothing could be written"),
        (["topics", "create", "--kafka", "no.such=1"], "no.such"),
    ],
)
def test_a_usage_error_is_one_sentence_with_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2
    output = capsys.readouterr()
    assert sentence in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


def test_an_unreachable_kafka_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["topics", "create", "--broker", "127.0.0.1:1"])
    assert ending.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: Kafka at 127.0.0.1:1 does not answer: ")
    assert [line.partition(":")[0] for line in error.splitlines()] == ["Error", "Hint"]
