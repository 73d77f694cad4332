"""The demo as a user runs it: the counts agree, and no process is left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from kafkaio.settings import KafkaSettings
from kafkaio.topics import list_topics
from tests.support.demo import assert_consistent

PATIENCE = 240.0  # the first run trains the model
MARK = "FRAUDSTREAM_TEST_MARK"

Start = Callable[..., subprocess.Popen[str]]


pytestmark = pytest.mark.usefixtures("demo_artifact")


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """The value of a variable that every process of a demo inherits, to find leftover processes."""
    yield str(tmp_path)
    for process in marked(str(tmp_path)):
        process.kill()


def marked(mark: str) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def start(mark: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a demo, which ends with the test."""
    with ExitStack() as stack:

        def run(*arguments: str, **variables: str) -> subprocess.Popen[str]:
            demo = subprocess.Popen(
                [sys.executable, "-m", "fraudstream", "demo", *arguments],
                env=os.environ | {MARK: mark, "TMPDIR": mark} | variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(demo)
            stack.callback(demo.kill)
            return demo

        yield run


def finish(demo: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = demo.communicate(timeout=PATIENCE)
    return demo.returncode, out, err


def read_until(demo: subprocess.Popen[str], text: str) -> None:
    """Read the demo's stderr up to a line with this text."""
    assert demo.stderr is not None
    for line in demo.stderr:
        if text in line:
            return
    pytest.fail(f"the demo did not print {text!r}")


def none_left(mark: str) -> bool:
    _, alive = psutil.wait_procs(marked(mark), timeout=30)
    return not alive


def test_an_existing_kafka_is_used_and_left_unchanged(
    start: Start, kafka_address: str, kafka_settings: KafkaSettings
) -> None:
    before = list_topics(kafka_settings)
    arguments = ("--rows", "2000", "--rate", "1000", "--delivery", "at-least-once", "--json")
    code, out, err = finish(start("--broker", kafka_address, *arguments))
    assert code == 0, err
    report = json.loads(out)
    assert_consistent(report, rows=2000)
    assert report["kafka_version"] is None
    assert report["delivery"] == "at-least-once"
    assert list_topics(kafka_settings) == before


@pytest.mark.parametrize("text", ["Starting Apache Kafka", "Apache Kafka answers", "ALERT"])
def test_ctrl_c_stops_everything_in_order(mark: str, start: Start, text: str) -> None:
    # Its own Kafka has no TLS, and its own addresses are behind no proxy, whatever others need.
    variables = {"FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL": "ssl", "http_proxy": "http://127.0.0.1:1"}
    demo = start("--rows", "20000", "--rate", "500", **variables)
    read_until(demo, text)
    demo.send_signal(signal.SIGINT)
    code, _, err = finish(demo)
    assert code == 130, err
    assert "Traceback" not in err
    assert none_left(mark)


def test_killing_the_demo_leaves_no_process(mark: str, start: Start) -> None:
    demo = start("--rows", "20000", "--rate", "500", CUDA_VISIBLE_DEVICES="-1")
    read_until(demo, "ALERT")
    assert len(marked(mark)) >= 4  # the demo, the JVM, the detector, the quality monitor
    files = {file.path for process in marked(mark) for file in process.memory_maps()}
    assert any("onnxruntime" in path for path in files)
    assert not any("tensorflow" in path for path in files)
    demo.kill()
    finish(demo)
    assert none_left(mark)


@pytest.mark.genuine
def test_genuine_frauds_are_caught(mark: str, start: Start, genuine_folder: Path) -> None:
    sample = str(genuine_folder / "creditcard_sample.csv.gz")
    code, out, err = finish(start("--data", sample, "--rows", "12000", "--json"))
    assert code == 0, err
    report = json.loads(out)
    assert_consistent(report, rows=12_000)
    assert report["synthetic"] is False
    assert report["true_positives"] > 20  # of 76 frauds among these rows
    assert none_left(mark)
