"""What the comparison makes of runs and arguments that are known."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.harness import rounds
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.rounds import times
from benchmarks.harness.runs import Run
from benchmarks.harness.usage import Usage, family
from benchmarks.peers import environments
from benchmarks.peers.job import Job
from benchmarks.peers.lineup import BATCH_LOOP, PEERS, TUTORIAL_LOOP
from benchmarks.speed import compare, comparison, throughput
from benchmarks.speed.comparison import (
    BARE,
    DECODE,
    OURS,
    OURS_AT_LEAST_ONCE,
    OURS_COMPACT,
    summary,
    table,
)
from broker.process import start_tied

SECOND = 1_000_000_000
RUN = Run(rate=100.0, cpu_seconds=10.0, megabytes=500.0, first_seconds=4.0)


def runs_at(*rates: float) -> list[Run]:
    return [replace(RUN, rate=rate) for rate in rates]


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    # A slow round slows both; the ratio of the medians would be 100 / 40 = 2.5.
    runs = {"one": runs_at(100, 50, 300), "other": runs_at(50, 10, 40)}
    assert times(runs, "one", "other") == 5
    assert times(runs, "other", "one") == 0.2


def test_the_table_has_medians_the_most_memory_and_no_start_of_limits() -> None:
    ours = [replace(RUN, rate=rate, megabytes=rate, first_seconds=rate / 50) for rate in (90, 200)]
    limit = [replace(RUN, rate=rate, first_seconds=None) for rate in (9000, 20_000)]
    first, second = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table({OURS: ours, BARE: limit}, {OURS: "exactly-once"}).splitlines()[2:]
    )
    assert first == [OURS, "exactly-once", "145", "90 to 200", "1.00", "10.0", "200", "2.9"]
    assert second == [BARE, "", "14,500", "9,000 to 20,000", "0.01", "10.0", "500", ""]


def test_the_summary_names_the_fastest_framework() -> None:
    runs = {
        OURS: runs_at(100),
        OURS_AT_LEAST_ONCE: runs_at(125),
        OURS_COMPACT: runs_at(150),
        BATCH_LOOP.title: runs_at(50),
        TUTORIAL_LOOP.title: runs_at(0.01),
        "slow": runs_at(20),
        "fast": runs_at(40),
        DECODE: runs_at(200),
        BARE: runs_at(400),
    }
    found = summary(runs, ["slow", "fast", "failed"])
    assert found == {
        "ours_per_second": 100,
        "over_fastest_framework": 2.5,
        "fastest_framework": "fast",
        "over_batch_loop": 2,
        "over_tutorial_loop": 10_000,
        "share_of_consume_and_decode": 0.5,
        "share_of_bare_client": 0.25,
        "exactly_once_cost": 0.2,
        "compact_over_json": 1.5,
        "resident_megabytes": 500,
        "seconds_to_first_score": 4,
    }


def test_what_was_not_measured_is_not_in_the_summary() -> None:
    found = summary({OURS: runs_at(100)}, ["failed"])
    assert found.keys() == {"ours_per_second", "resident_megabytes", "seconds_to_first_score"}


def test_a_span_leaves_out_the_first_commit() -> None:
    arrivals = {b"%d" % number: [number // 2 * SECOND] for number in range(8)}
    found = throughput.span(arrivals, spacing=10)
    assert found == throughput.Span(first=0, last=3 * SECOND, records=60)
    assert found.rate == 20
    half = throughput.span(arrivals, spacing=10, skip=0.5)
    assert half == throughput.Span(first=2 * SECOND, last=3 * SECOND, records=20)


def test_whoever_fails_is_not_run_again_and_ours_must_not() -> None:
    seen: list[tuple[str, int]] = []

    def way(name: str, number: int) -> Run:
        seen.append((name, number))
        if name == "broken":
            raise BenchmarkError("It broke.")
        return RUN

    names = (OURS, "broken", "sound")
    runs, failures = rounds.measure(
        {name: lambda number, name=name: way(name, number) for name in names},  # type: ignore[misc]
        2,
        ours=[OURS],
        title="Comparing",
    )
    assert failures == {"broken": "failed: It broke."}
    assert runs == {OURS: [RUN, RUN], "sound": [RUN, RUN]}
    assert seen == [(OURS, 0), ("broken", 0), ("sound", 0), ("sound", 1), (OURS, 1)]

    def ours(_number: int) -> Run:
        raise BenchmarkError("Ours broke.")

    with pytest.raises(BenchmarkError, match=r"Ours broke\."):
        rounds.measure({OURS: ours}, 1, ours=[OURS], title="Comparing")


def test_arguments() -> None:
    assert compare.parsed([]).rounds == compare.ROUNDS
    assert compare.parsed(["--quick"]).records == compare.QUICK_RECORDS
    found = compare.parsed(["--quick", "--rounds", "2", "--records", "1000", "--only", "bytewax"])
    assert (found.rounds, found.records, found.only) == (2, 1000, ["bytewax"])
    with pytest.raises(SystemExit):
        compare.parsed(["--only", "nobody"])
    assert compare.parsed(["--report", "docs/page.md"]).folder == Path("docs/pictures")


def test_a_short_form_leaves_out_engines_that_are_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []

    def make(name: str) -> None:
        if name == "quix":
            raise BenchmarkError("uv says no.")
        made.append(name)

    monkeypatch.setattr(environments, "make", make)
    monkeypatch.setattr(environments, "is_made", lambda name: name == "spark")
    peers, missing = compare.chosen(compare.parsed(["--quick"]))
    programs = [peer.program for peer in peers]
    assert programs == ["tutorial_loop", "direct_call", "batch_loop", "arroyo", "bytewax", "spark"]
    assert missing == {
        "Quix Streams": "cannot be had: uv says no.",
        "PyFlink": "is not installed; --only flink does it",
    }
    peers, missing = compare.chosen(compare.parsed(["--quick", "--only", "flink"]))
    assert [peer.program for peer in peers] == ["flink"]
    assert missing == {}
    assert made == ["arroyo", "bytewax", "spark", "flink"]


def test_an_environment_is_made_anew_when_its_pins_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "CACHE", tmp_path)
    assert not environments.is_made("spark")
    (tmp_path / "spark").mkdir()
    kept = tmp_path / "spark" / "requirements"
    pins = environments.REQUIREMENTS
    kept.write_text((pins / "spark.txt").read_text())
    assert not environments.is_made("spark")  # its jars are pinned as well
    kept.write_text((pins / "spark.txt").read_text() + (pins / "spark.jars").read_text())
    assert environments.is_made("spark")


@pytest.mark.parametrize("peer", [it for it in PEERS if it.environment], ids=lambda it: it.program)
def test_every_environment_is_pinned(peer: compare.Peer) -> None:
    name = peer.environment or ""
    pins = (environments.REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    asked = (environments.REQUIREMENTS / f"{name}.in").read_text().splitlines()
    package = asked[0].partition("==")[0].partition("[")[0]
    assert f"{package}=={environments.version(name)}" in pins
    assert all("==" in line for line in pins if not line.startswith("#"))


def test_a_job_survives_the_command_line() -> None:
    job = Job("h:1", "in", "out", Path("artifact"), "group", Path("folder"))
    assert Job.of(job.arguments()) == job


def test_usage_counts_children_and_those_that_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\n"
    family_of_two = (
        f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {burn!r}])\n"
    )
    child = start_tied([sys.executable, "-c", family_of_two + "time.sleep(60)"])
    try:
        with Usage(child.pid) as usage:
            deadline = time.monotonic() + 30
            while (
                usage.moments == []
                or usage.cpu_seconds[-1] < 0.2
                or len(family_alive(child.pid)) > 1
            ):
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        child.kill()
        child.wait()
    assert np.all(np.diff(usage.cpu_seconds) >= 0)
    assert usage.cpu_seconds[-1] >= 0.2
    assert usage.peak_megabytes > 5


def family_alive(pid: int) -> list[psutil.Process]:
    return family(psutil.Process(pid))


def test_cpu_time_is_read_between_two_samples() -> None:
    usage = Usage(psutil.Process().pid)
    usage.moments, usage.cpu_seconds = [0, 10, 20], [0.0, 5.0, 6.0]
    assert usage.cpu_between(5, 20) == pytest.approx(3.5)


def test_few_digits_of_large_ratios() -> None:
    assert (
        comparison.table({OURS: runs_at(123_400), "slow": runs_at(100)}, {})
        .splitlines()[3]
        .split("|")[5]
        .strip()
        == "1,234"
    )
