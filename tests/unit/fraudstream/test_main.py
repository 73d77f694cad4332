"""The command's frame: it starts quickly, and ends with one sentence and the right code."""

import os
import re
import signal
import subprocess
import sys

import click
import pytest

from errors import FraudstreamError
from fraudstream import main as front
from fraudstream.main import COMMANDS, fraudstream
from fraudstream.options import host_and_port

HEAVY = {"confluent_kafka", "keras", "numpy", "pandas", "rich", "sklearn", "tensorflow", "jgo"}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from fraudstream.main import fraudstream\n"
        "fraudstream.main(['--help'], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(answer.stderr.split())


def every_command() -> list[tuple[str, click.Command]]:
    context = click.Context(fraudstream)
    found: list[tuple[str, click.Command]] = []
    for name in COMMANDS:
        command = fraudstream.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", inner) for sub, inner in command.commands.items()]
        else:
            found.append((name, command))
    return found


@pytest.mark.parametrize(("name", "command"), every_command(), ids=str)
def test_every_option_says_what_it_does_its_default_and_its_variable(
    name: str, command: click.Command
) -> None:
    assert command.help, name
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name != "kafka":
            assert parameter.help, parameter.name
            assert parameter.show_envvar, parameter.name
            variable = parameter.opts[-1].removeprefix("--").upper().replace("-", "_")
            assert re.fullmatch(f"FRAUDSTREAM_([A-Z_]+_)?{variable}", str(parameter.envvar))


class MistakeError(FraudstreamError):
    exit_code = 2


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (MistakeError("There is no such file."), 2, "Error: There is no such file.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (click.UsageError("No such option."), 2, "No such option."),
        (click.exceptions.Exit(0), 0, ""),
    ],
)
def test_errors_end_with_a_sentence_and_a_code(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise raised

    monkeypatch.setattr(front.fraudstream, "main", fail)
    with pytest.raises(SystemExit) as caught:
        front.main([])
    assert caught.value.code == code
    assert said in capsys.readouterr().err


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(front.fraudstream, "main", fail)
    with pytest.raises(ZeroDivisionError):
        front.main([])


@pytest.mark.parametrize("address", ["8000", "host", "host:", "host:x", "host:70000", "host:²"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(click.BadParameter, match="HOST:PORT"):
        host_and_port(address, "--metrics")


@pytest.mark.parametrize(
    ("address", "expected"),
    [("localhost:8000", ("localhost", 8000)), (":0", ("", 0)), ("::1:80", ("::1", 80))],
)
def test_an_address_is_split_at_its_last_colon(address: str, expected: tuple[str, int]) -> None:
    assert host_and_port(address, "--metrics") == expected


def test_a_reader_that_has_seen_enough_ends_the_command_well() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "fraudstream", "completion", "bash"]
    answer = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_an_interrupt_in_disguise_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kafka's client makes a TypeError of an interrupt that comes while it reads its settings."""

    def interrupted(*_arguments: object, **_options: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise TypeError("expected configuration property name") from None

    def mistaken(*_arguments: object, **_options: object) -> None:
        raise TypeError("a defect")

    monkeypatch.setattr(fraudstream, "main", interrupted)
    with pytest.raises(SystemExit) as ending:
        front.main([])
    assert ending.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    monkeypatch.setattr(fraudstream, "main", mistaken)
    with pytest.raises(TypeError, match="a defect"):
        front.main([])
