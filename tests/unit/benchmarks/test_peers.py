"""Code that the peers share, and the end of their processes."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.programs import run_program
from benchmarks.peers import columns
from benchmarks.peers.batches import BatchScoring, encode
from benchmarks.peers.job import BATCH, Job
from benchmarks.speed import limits
from events.codec import encode as encode_transaction
from events.messages import FEATURES, Transaction

JOB = Job("h:1", "in", "out", Path("artifact"), "group", Path("folder"))


@pytest.fixture
def amounts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches given to a stub whose score is a hundredth of the amount."""
    sizes: list[int] = []

    def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
        assert features.dtype == np.float32
        assert features.flags.c_contiguous
        sizes.append(len(features))
        amounts: NDArray[np.float32] = features[:, FEATURES.index("Amount")] / np.float32(100)
        return amounts

    score.metadata = SimpleNamespace(threshold=0.5)  # type: ignore[attr-defined]
    monkeypatch.setattr(Job, "scorer", lambda _job: score)
    monkeypatch.setattr(columns, "scorer", lambda _artifact: score)
    return sizes


def transaction(name: str, amount: float) -> Transaction:
    numbers = dict.fromkeys(FEATURES, 1.0) | {"Amount": amount}
    return Transaction(transaction_id=name, **numbers)


def test_a_batch_is_scored_in_one_call(amounts: list[int]) -> None:
    batch = [transaction("a", 49), transaction("b", 50), transaction("c", 75)]
    alerts = BatchScoring(JOB)([encode_transaction(each) for each in batch])
    assert [(alert.key, alert.score) for alert in alerts] == [(b"b", 0.5), (b"c", 0.75)]
    assert encode(alerts[1]) == b'{"transaction_id":"c","score":0.75}'
    assert amounts == [3]


def test_columns_are_scored_as_a_frame_and_as_a_list(amounts: list[int]) -> None:
    frame = pd.DataFrame({name: [1.0, 2.0] for name in FEATURES}).assign(Amount=[10.0, 60.0])
    series = [frame[name] for name in FEATURES]
    for table in (frame, series):
        assert columns.scores("artifact", table) == pytest.approx([0.1, 0.6])
    assert amounts == [2, 2]


def test_scoring_alone_scores_whole_batches(amounts: list[int]) -> None:
    first, last, records = limits.score(JOB, BATCH + 1)
    assert first < last
    assert records == 2 * BATCH
    assert amounts == [BATCH, BATCH]


def test_descendants_of_a_program_end_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "other = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "print(subprocess.Popen(other, start_new_session=True).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    job = tmp_path / "job"
    with run_program([sys.executable, "-c", code], job) as program:
        written = wait_for(lambda: (tmp_path / "job.out").read_text().strip())
        started = psutil.Process(int(written))
        assert started.is_running()
    assert program.process.poll() is not None
    wait_for(lambda: not started.is_running() or started.status() == psutil.STATUS_ZOMBIE)


def test_a_program_that_ended_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    job = tmp_path / "job"
    with run_program([sys.executable, "-c", "raise SystemExit('No way.')"], job) as program:
        program.process.wait()
        with pytest.raises(BenchmarkError, match=r"job ended with exit code 1(.|\n)*No way\."):
            program.check()


def wait_for(condition: Callable[[], object]) -> str:
    deadline = time.monotonic() + 30
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return str(value)
