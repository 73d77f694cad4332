"""Ratios, tables, arguments and resource usage of the comparison."""

import argparse
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks.harness import rounds
from benchmarks.harness.backlog import DrainWindow, drain_window
from benchmarks.harness.drain import Run
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.rounds import speedup
from benchmarks.harness.stages import stage_microseconds
from benchmarks.harness.usage import Usage, family
from benchmarks.peers import environments
from benchmarks.peers.job import Job
from benchmarks.peers.lineup import BATCH_LOOP, PEERS, TUTORIAL_LOOP, Peer
from benchmarks.speed import __main__ as command
from benchmarks.speed import delivery
from benchmarks.speed.contenders import (
    BARE,
    DECODE,
    OURS,
    OURS_AT_LEAST_ONCE,
    OURS_COMPACT,
    OURS_JOURNAL,
)
from benchmarks.speed.parts import PARTS
from benchmarks.speed.throughput import summary, table
from broker.process import start_tied
from consumer.detector.metrics import DetectorMetrics

SECOND = 1_000_000_000
RUN = Run(rate=100.0, cpu_seconds=10.0, megabytes=500.0, first_seconds=4.0)


def runs_at(*rates: float) -> list[Run]:
    return [replace(RUN, rate=rate) for rate in rates]


def test_a_speedup_is_the_median_of_the_rounds_ratios() -> None:
    # A slow round slows both; the ratio of the medians would be 100 / 40 = 2.5.
    runs = {"one": runs_at(100, 50, 300), "other": runs_at(50, 10, 40)}
    assert speedup(runs, "one", "other") == 5
    assert speedup(runs, "other", "one") == 0.2


def test_the_table_has_medians_and_peak_memory_and_no_first_alert_of_limits() -> None:
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
    assert summary(runs, ["slow", "fast", "failed"]) == {
        "ours_per_second": 100,
        "over_fastest_framework": 2.5,
        "fastest_framework": "fast",
        "over_batch_loop": 2,
        "over_tutorial_loop": 10_000,
        "share_of_consume_and_decode": 0.5,
        "share_of_bare_client": 0.25,
        "exactly_once_cost": 0.2,
        "compact_over_json": 1.5,
        "cpu_seconds_per_million": 10.0,
        "resident_megabytes": 500,
        "seconds_to_first_score": 4,
    }


def test_the_summary_leaves_out_what_was_not_measured() -> None:
    assert summary({OURS: runs_at(100)}, ["failed"]).keys() == {
        "ours_per_second",
        "cpu_seconds_per_million",
        "resident_megabytes",
        "seconds_to_first_score",
    }


def test_stage_durations_are_microseconds_for_a_transaction() -> None:
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    metrics.scored.inc(1000)
    decode = {stage.value: child for stage, child in metrics.stages.items()}["decode"]
    decode.observe(0.002)
    decode.observe(0.001)
    stages = stage_microseconds(generate_latest(registry).decode())
    assert stages == {"decode": pytest.approx(3), "score": 0, "produce": 0, "commit": 0}
    assert stage_microseconds("") == {}


def test_the_delivery_table_states_the_cost_of_exactly_once_and_of_the_journal() -> None:
    runs = {OURS: runs_at(90), OURS_JOURNAL: runs_at(81), OURS_AT_LEAST_ONCE: runs_at(100)}
    text = delivery.table(runs)
    assert "Exactly-once costs 10.0% of the throughput, the journal 10.0% more" in text
    row = text.splitlines()[3].strip("|").split("|")
    assert [cell.strip() for cell in row] == [OURS_JOURNAL, "81", "81 to 81"]
    assert delivery.summary(runs) == {"journal_cost": 0.1}


def test_a_drain_window_leaves_out_the_first_commit() -> None:
    arrivals = {b"%d" % number: [number // 2 * SECOND] for number in range(8)}
    window = drain_window(arrivals, spacing=10)
    assert window == DrainWindow(first=0, last=3 * SECOND, records=60)
    assert window.rate == 20
    half = drain_window(arrivals, spacing=10, skip=0.5)
    assert half == DrainWindow(first=2 * SECOND, last=3 * SECOND, records=20)


def test_the_first_round_does_not_count() -> None:
    taken = [runs_at(rate)[0] for rate in (1, 2, 3)]
    runs, _ = rounds.measure({OURS: taken.__getitem__}, 2, required=[OURS], title="Comparing")
    assert runs == {OURS: taken[1:]}


def test_a_contender_that_failed_is_not_run_again_and_a_required_one_must_not_fail() -> None:
    calls: list[tuple[str, int]] = []

    def contender(name: str, number: int) -> Run:
        calls.append((name, number))
        if name == "broken":
            raise BenchmarkError("It broke.")
        return RUN

    names = (OURS, "broken", "sound")
    runs, failures = rounds.measure(
        {name: partial(contender, name) for name in names},
        1,
        required=[OURS],
        title="Comparing",
    )
    assert failures == {"broken": "failed: It broke."}
    assert runs == {OURS: [RUN], "sound": [RUN]}
    assert calls == [(OURS, 0), ("broken", 0), ("sound", 0), ("sound", 1), (OURS, 1)]

    def ours(_number: int) -> Run:
        raise BenchmarkError("Ours broke.")

    with pytest.raises(BenchmarkError, match=r"Ours broke\."):
        rounds.measure({OURS: ours}, 1, required=[OURS], title="Comparing")


def parse(*arguments: str) -> argparse.Namespace:
    return command.with_defaults(command.parser().parse_args(arguments))


def test_options_override_the_defaults_of_the_short_form() -> None:
    assert parse().parts == tuple(PARTS)
    assert parse("--quick").records == command.QUICK_RECORDS
    assert parse("--quick").parts == command.QUICK_PARTS
    assert parse("--quick", "--parts", "growth").parts == ["growth"]
    arguments = parse("--quick", "--rounds", "2", "--records", "1000", "--only", "bytewax")
    assert (arguments.rounds, arguments.records, arguments.only) == (2, 1000, ["bytewax"])
    with pytest.raises(SystemExit):
        parse("--only", "nobody")
    assert parse("--report", "docs/page.md").folder == Path("docs/pictures")


def test_the_short_form_has_the_two_loops_and_the_fastest_framework(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []

    def make(name: str) -> None:
        if name == "quix":
            raise BenchmarkError("uv says no.")
        made.append(name)

    monkeypatch.setattr(environments, "make", make)
    peers, missing = command.choose_peers(parse("--quick"))
    assert [peer.program for peer in peers] == ["tutorial_loop", "batch_loop", "bytewax"]
    assert missing == {}
    peers, missing = command.choose_peers(parse("--quick", "--only", "quix", "flink"))
    assert [peer.program for peer in peers] == ["flink"]
    assert missing == {"Quix Streams": "cannot be installed: uv says no."}
    assert made == ["bytewax", "flink"]


def test_an_environment_is_outdated_when_its_pins_change(
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


@pytest.mark.parametrize(
    "peer", [peer for peer in PEERS if peer.environment], ids=lambda peer: peer.program
)
def test_every_environment_is_pinned(peer: Peer) -> None:
    name = peer.environment or ""
    pins = (environments.REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    required = (environments.REQUIREMENTS / f"{name}.in").read_text().splitlines()
    package = required[0].partition("==")[0].partition("[")[0]
    assert f"{package}=={environments.version(name)}" in pins
    assert all("==" in line for line in pins if not line.startswith("#"))


def test_a_job_is_passed_on_the_command_line() -> None:
    job = Job("h:1", "in", "out", Path("artifact"), "group", Path("folder"))
    assert Job.of(job.arguments()) == job


def test_usage_includes_children_and_ended_processes() -> None:
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


def test_cpu_time_is_interpolated_between_samples() -> None:
    usage = Usage(psutil.Process().pid)
    usage.moments, usage.cpu_seconds = [0, 10, 20], [0.0, 5.0, 6.0]
    assert usage.cpu_between(5, 20) == pytest.approx(3.5)


def test_large_ratios_have_no_decimals() -> None:
    row = table({OURS: runs_at(123_400), "slow": runs_at(100)}, {}).splitlines()[3]
    assert row.split("|")[5].strip() == "1,234"
