"""The parts of the comparison as a whole, with stubbed runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.bench import Bench
from benchmarks.harness.drain import Run
from benchmarks.peers.lineup import PEERS
from benchmarks.speed import contenders, growth, rates
from benchmarks.speed.__main__ import parser, with_defaults
from benchmarks.speed.latency import LatencyAtRate
from benchmarks.speed.parts import PARTS, measure_throughput
from benchmarks.speed.rates import LatencyByRate
from kafkaio.settings import KafkaSettings

RUN = Run(rate=100.0, cpu_seconds=10.0, megabytes=500.0, first_seconds=4.0, stages={"decode": 2.0})
LATENCY = LatencyAtRate(100.0, np.arange(9.0), np.full(9, 5.0))

# The keys of the last line of `make benchmark`.
FIGURES = {
    "ours_per_second",
    "over_fastest_framework",
    "fastest_framework",
    "over_batch_loop",
    "over_tutorial_loop",
    "share_of_consume_and_decode",
    "share_of_bare_client",
    "exactly_once_cost",
    "cpu_seconds_per_million",
    "compact_over_json",
    "resident_megabytes",
    "seconds_to_first_score",
    "latency_p50_ms",
    "latency_p99_ms",
    "journal_cost",
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench with stubbed topics, on which every run has the same result."""

    class Full(Bench):
        def backlog(self, *_arguments: Any, **_others: Any) -> Any:
            return type("Backlog", (), {"topics": self.topics()})

        def topics(self, *_arguments: Any, **_others: Any) -> Any:
            return type("Topics", (), {"transactions": "in", "alerts": "out"})

    for module in (contenders, growth):
        monkeypatch.setattr(module, "run_detector", lambda *_, **__: RUN)
    for name in ("run_peer", "run_limit", "make_job"):
        monkeypatch.setattr(contenders, name, lambda *_, **__: RUN)
    by_rate = LatencyByRate(dict.fromkeys(rates.RATES, LATENCY))
    monkeypatch.setattr(rates, "step_up", lambda *_: by_rate)
    monkeypatch.setattr(growth, "free_bytes", lambda: 1 << 60)
    return Full(KafkaSettings("h:1"), Path("artifact"), {}, Path("folder"))


# What the short form leaves out.
LONG_FORM = {"share_of_consume_and_decode", "compact_over_json"}


@pytest.mark.parametrize("form", [[], ["--quick"]])
def test_all_parts_together_yield_every_figure_and_picture(bench: Bench, form: list[str]) -> None:
    arguments = with_defaults(parser().parse_args(form))
    sections = {name: measure(bench, PEERS, arguments) for name, measure in PARTS.items()}
    figures = {key for section in sections.values() for key in section.summary}
    assert figures == FIGURES - (LONG_FORM if form else set())
    assert [picture.name for section in sections.values() for picture in section.pictures] == [
        "throughput",
        "latency",
        "batches",
    ]
    text = sections["latency"].text
    assert ("PyFlink" in text) == (not form)  # the short form measures ours alone
    assert "| decode |" in sections["throughput"].text
    assert ("10,000,000" in sections["growth"].text) == (not form)


def test_throughput_is_measured_without_peers(bench: Bench) -> None:
    arguments = with_defaults(parser().parse_args(["--only"]))
    figures = measure_throughput(bench, [], arguments).summary
    assert FIGURES - figures.keys() == {
        "over_fastest_framework",
        "fastest_framework",
        "over_batch_loop",
        "over_tutorial_loop",
        "latency_p50_ms",
        "latency_p99_ms",
        "journal_cost",
    }
