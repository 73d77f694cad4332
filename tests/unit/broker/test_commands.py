"""The commands `broker` and `topics`: what they refuse before any Kafka is asked."""

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
def test_retention_is_read(text: str, expected: timedelta | None) -> None:
    assert Retention().convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1.5h", "7 d", "1w", "9999999d"])
def test_what_is_no_retention_is_refused(text: str) -> None:
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
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_an_unreachable_kafka_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["topics", "create", "--broker", "127.0.0.1:1"])
    assert ending.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: No Kafka answers at 127.0.0.1:1 ")
    _, hint = said.splitlines()
    assert hint.startswith("Hint: `--broker HOST:PORT`")
