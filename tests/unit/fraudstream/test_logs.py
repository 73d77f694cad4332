"""Log lines carry date, zone and level, as text or as JSON."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from fraudstream.logs import log_to_stderr
from fraudstream.options import log_format_option

Configure = Callable[..., None]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """`log_to_stderr` in a process whose logging is not configured yet; undone afterwards."""
    level = logging.root.level

    def configure(log_format: str = "text") -> None:
        monkeypatch.setattr(logging.root, "handlers", [])
        log_to_stderr(log_format)

    yield configure
    logging.root.setLevel(level)


def test_a_text_line_has_time_with_offset_level_and_message(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    logging.getLogger("consumer").warning("Kafka is %s.", "away")
    line = capsys.readouterr().err
    time, _, rest = line.partition(" ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", time)
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(time)).total_seconds()) < 60
    assert rest == "WARNING Kafka is away.\n"


def test_a_json_line_is_one_object(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    logging.getLogger("consumer.commit").info("Committed\n%d records.", 3)
    (line,) = capsys.readouterr().err.splitlines()
    fields = json.loads(line)
    assert datetime.fromisoformat(fields.pop("time")).utcoffset() is not None
    assert fields == {
        "level": "INFO",
        "logger": "consumer.commit",
        "message": "Committed\n3 records.",
    }


def test_a_json_line_has_the_exception(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    try:
        divmod(1, 0)
    except ZeroDivisionError:
        logging.getLogger("consumer").exception("Failed.")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError: " in json.loads(line)["exception"]
    assert json.loads(line)["exception"].startswith("Traceback ")


def test_the_format_has_a_variable() -> None:
    import click

    (parameter,) = click.command()(log_format_option(lambda: None)).params
    assert parameter.envvar == "FRAUDSTREAM_LOG_FORMAT"
