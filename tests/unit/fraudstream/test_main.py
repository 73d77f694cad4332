"""The entry point: fast start, errors as one sentence, exit codes, environment variables."""

import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from errors import FraudstreamError
from fraudstream import main as front
from fraudstream.cache import CacheError, cache_folder
from fraudstream.main import fraudstream
from fraudstream.options import host_and_port
from kafkaio.errors import TopicMissingError
from tools.docs.configuration import contexts

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


CONTEXTS = list(contexts())


def shown_options(context: click.Context) -> Iterator[tuple[click.Option, list[str]]]:
    """Yield each option with the variables that its help shows."""
    for parameter in context.command.params:
        if isinstance(parameter, click.Option):
            yield parameter, list(parameter.get_help_extra(context).get("envvars", ()))


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_the_help_shows_every_option_with_its_meaning_and_variable(context: click.Context) -> None:
    assert context.command.help
    for parameter, variables in shown_options(context):
        assert parameter.help, parameter.name
        if parameter.name != "kafka":
            (variable,) = variables
            name = parameter.opts[-1].removeprefix("--").upper().replace("-", "_")
            assert re.fullmatch(f"FRAUDSTREAM_([A-Z_]+_)?{name}S?", variable)


def test_a_variable_means_the_same_in_every_command() -> None:
    meanings = defaultdict(set)
    for context in CONTEXTS:
        for parameter, variables in shown_options(context):
            for variable in variables:
                kind = str(parameter.type.to_info_dict())
                meanings[variable].add((parameter.help, kind, parameter.multiple))
    assert len(meanings) > 50
    assert [variable for variable, found in meanings.items() if len(found) > 1] == []


@pytest.mark.parametrize("command", ["detect", "quality", "replay", "alerts"])
def test_the_services_have_short_variables(command: str) -> None:
    (context,) = (found for found in CONTEXTS if found.command_path == f"fraudstream {command}")
    for parameter, variables in shown_options(context):
        # A number of alerts is not a number of transactions, as FRAUDSTREAM_LIMIT is, and the
        # monitor's group is not the detector's.
        others = {("alerts", "limit"), ("quality", "group")}
        if parameter.name != "kafka" and (command, parameter.name) not in others:
            name = parameter.opts[0].removeprefix("--").upper().replace("-", "_")
            assert variables == [f"FRAUDSTREAM_{name}"]


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("data synthesize", "FRAUDSTREAM_DATA_SYNTHESIZE_OUT"),
        ("data fit", "FRAUDSTREAM_DATA_FIT_OUT"),
        ("dead-letters show", "FRAUDSTREAM_DEAD_LETTERS_SHOW_VALUE"),
        ("broker", "FRAUDSTREAM_BROKER_PORT"),
        ("detect", "FRAUDSTREAM_GROUP"),
        ("quality", "FRAUDSTREAM_QUALITY_GROUP"),
        ("dead-letters list", "FRAUDSTREAM_DEAD_LETTERS_GROUP"),
    ],
)
def test_the_help_of_a_command_names_its_variables(command: str, variable: str) -> None:
    answer = CliRunner().invoke(fraudstream, [*command.split(), "--help"])
    assert variable in answer.output


def test_a_variable_of_another_command_is_ignored(tmp_path: Path) -> None:
    environment = {
        "FRAUDSTREAM_DATA_FIT_OUT": str(tmp_path / "fit.npz"),
        "FRAUDSTREAM_DATA_SYNTHESIZE_OUT": str(tmp_path / "twin.csv"),
        "FRAUDSTREAM_VERSION": "1",
    }
    command = ["data", "synthesize", "--rows", "10"]
    answer = CliRunner().invoke(fraudstream, command, env=environment)
    assert answer.exit_code == 0, answer.output
    assert [file.name for file in tmp_path.iterdir()] == ["twin.csv"]


class MistakeError(FraudstreamError):
    exit_code = 2


MISTAKE = MistakeError("There is no such file.", hint="Make one.")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (MistakeError("There is no such file."), 2, "Error: There is no such file.\n"),
        (MISTAKE, 2, "Error: There is no such file.\nHint: Make one.\n"),
        (TopicMissingError("No topic x."), 2, "\nHint: `fraudstream topics create` creates"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (click.UsageError("No such option."), 2, "No such option."),
        (click.exceptions.Exit(0), 0, ""),
    ],
)
def test_an_error_prints_a_sentence_and_exits_with_its_code(
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


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(front.fraudstream, "main", fail)
    with pytest.raises(ZeroDivisionError):
        front.main([])


@pytest.mark.parametrize("address", ["8000", "host", "host:", "host:x", "host:70000", "host:²"])
def test_an_invalid_address_is_rejected(address: str) -> None:
    with pytest.raises(click.BadParameter, match="HOST:PORT"):
        host_and_port(address, "--metrics")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost:8000", ("localhost", 8000)),
        (":0", ("", 0)),
        ("::1:80", ("::1", 80)),
        ("[::1]:8000", ("::1", 8000)),
        ("[::]:0", ("::", 0)),
    ],
)
def test_an_address_is_split_at_its_last_colon(address: str, expected: tuple[str, int]) -> None:
    assert host_and_port(address, "--metrics") == expected


def test_a_table_is_read_from_a_pipe(tmp_path: Path) -> None:
    """A pipe can be read once, and the check needs the rows and the checksum."""
    table = tmp_path / "table.csv"
    environment = {"FRAUDSTREAM_DATA_SYNTHESIZE_OUT": str(table), "TMPDIR": str(tmp_path)}
    made = CliRunner().invoke(fraudstream, "data synthesize --rows 10", env=environment)
    assert made.exit_code == 0, made.output
    command = f"{COMMAND} data check"
    expected = shell(f"{command} {table}")
    assert expected.returncode == 0
    answer = shell(f"cat {table} | TMPDIR={tmp_path} {command} /dev/stdin")
    assert (answer.stderr, answer.stdout) == ("", expected.stdout)
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


def test_a_reader_that_closes_the_pipe_is_not_an_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "fraudstream", "completion", "bash"]
    answer = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (answer.returncode, answer.stderr) == (0, "")


COMMAND = f"{sys.executable} -m fraudstream"


@pytest.mark.parametrize("arguments", ["--version", "--help", "recipes", "completion bash"])
def test_a_full_disk_behind_stdout_is_reported(arguments: str) -> None:
    answer = shell(f"{COMMAND} {arguments} > /dev/full")
    assert answer.returncode == 1
    assert answer.stderr == ("Error: Standard output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
def test_a_closed_stdout_discards_the_output(closed: str) -> None:
    answer = shell(f"{COMMAND} recipes {closed}")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_errors_do_not_go_to_stdout_when_stderr_is_closed() -> None:
    answer = shell(f"{COMMAND} data check /nowhere.csv 2>&-")
    assert (answer.returncode, answer.stdout) == (2, "")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("cache", ["/dev/null/cache", "/proc/cache"])
def test_a_cache_that_cannot_be_created_is_reported(
    monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.setenv("FRAUDSTREAM_CACHE", cache)
    with pytest.raises(CacheError, match=f"{cache}/kafka cannot be created") as caught:
        cache_folder("kafka")
    assert "FRAUDSTREAM_CACHE" in str(caught.value.hint)


def test_an_interrupt_that_became_another_exception_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kafka's client turns an interrupt during the parsing of its settings into a TypeError."""

    def interrupted(*_arguments: object, **_options: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise TypeError("expected configuration property name") from None

    def fail(*_arguments: object, **_options: object) -> None:
        raise TypeError("a defect")

    monkeypatch.setattr(fraudstream, "main", interrupted)
    with pytest.raises(SystemExit) as ending:
        front.main([])
    assert ending.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    monkeypatch.setattr(fraudstream, "main", fail)
    with pytest.raises(TypeError, match="a defect"):
        front.main([])
