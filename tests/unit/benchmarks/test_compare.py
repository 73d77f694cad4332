"""The parts of a comparison put together, on runs that are known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.harness.bench import Bench
from benchmarks.harness.runs import Run
from benchmarks.peers.lineup import PEERS
from benchmarks.speed import compare, comparison, growth, rates
from benchmarks.speed.compare import PARTS, parsed
from benchmarks.speed.latency import Round
from benchmarks.speed.rates import Climb
from kafkaio.settings import KafkaSettings

RUN = Run(rate=100.0, cpu_seconds=10.0, megabytes=500.0, first_seconds=4.0)
ROUND = Round(100.0, np.arange(9.0), np.full(9, 5.0))

# What the last line of `make benchmark` must tell.
FIGURES = {
    "ours_per_second",
    "over_fastest_framework",
    "fastest_framework",
    "over_batch_loop",
    "over_tutorial_loop",
    "share_of_consume_and_decode",
    "share_of_bare_client",
    "exactly_once_cost",
    "compact_over_json",
    "resident_megabytes",
    "seconds_to_first_score",
    "latency_p50_ms",
    "latency_p99_ms",
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose topics are there already, and on which every run is the same."""

    class Full(Bench):
        def backlog(self, *_arguments: Any, **_others: Any) -> Any:
            return type("Backlog", (), {"topics": self.topics()})

        def topics(self, *_arguments: Any, **_others: Any) -> Any:
            return type("Topics", (), {"transactions": "in", "alerts": "out"})

        def job(self, *_arguments: Any, **_others: Any) -> Any:
            return None

    for module in (comparison, growth):
        monkeypatch.setattr(module, "run_detector", lambda *_, **__: RUN)
    for name in ("run_peer", "run_limit"):
        monkeypatch.setattr(comparison, name, lambda *_, **__: RUN)
    monkeypatch.setattr(rates, "climb", lambda *_: Climb(dict.fromkeys(rates.RATES, ROUND)))
    monkeypatch.setattr(growth, "free_bytes", lambda: 1 << 60)
    return Full(KafkaSettings("h:1"), Path("artifact"), {}, Path("folder"))


@pytest.mark.parametrize("form", [[], ["--quick"]])
def test_all_parts_together_have_every_figure_and_a_picture_each(
    bench: Bench, form: list[str]
) -> None:
    sections = {name: part(bench, PEERS, parsed(form)) for name, part in PARTS.items()}
    assert {key for it in sections.values() for key in it.figures} == FIGURES
    assert [picture.name for it in sections.values() for picture in it.pictures] == [
        "throughput",
        "latency",
        "batches",
    ]
    told = sections["latency"].text
    assert ("PyFlink" in told) == (not form)  # the short form has ours alone
    assert ("10,000,000" in sections["growth"].text) == (not form)


def test_no_peer_may_be_asked_for(bench: Bench) -> None:
    figures = compare.throughput(bench, [], parsed(["--only"])).figures
    assert FIGURES - figures.keys() == {
        "over_fastest_framework",
        "fastest_framework",
        "over_batch_loop",
        "over_tutorial_loop",
        "latency_p50_ms",
        "latency_p99_ms",
    }
