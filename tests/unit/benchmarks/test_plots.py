"""Pictures are drawn, for both backgrounds, with the right data and labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchmarks.harness.drain import Run
from benchmarks.speed import __main__ as command
from benchmarks.speed import plots
from benchmarks.speed.contenders import BARE, OURS
from benchmarks.speed.growth import quick_series
from benchmarks.speed.latency import LatencyAtRate
from benchmarks.speed.parts import Section
from benchmarks.speed.plots import Picture
from benchmarks.speed.rates import RATES, LatencyByRate

RUNS = {
    OURS: [Run(100_000.0, 6.0, 900, 4.0)],
    "loop": [Run(23.0, 600.0, 900, 4.0)],
    BARE: [Run(1_200_000.0, 1.0, 100, None)],
}


def throughput() -> Picture:
    return plots.throughput(RUNS, ours=[OURS], limits=[BARE])


def latency() -> Picture:
    quick = LatencyAtRate(100.0, np.arange(3.0), np.array([2.0, 3.0, 9.0]))
    results = {
        OURS: LatencyByRate(dict.fromkeys(RATES, quick)),
        "tutorial": LatencyByRate({}, behind=100.0),
        "loop": LatencyByRate({100.0: quick, 1000.0: quick}, behind=10_000.0),
    }
    return plots.latency(results, RATES, ours=1)


def batches() -> Picture:
    grown = quick_series(1000)
    runs = {each.name: RUNS[OURS] for one in grown.values() for each in one.values()}
    return plots.batches(grown, runs)


@pytest.mark.parametrize("made", [throughput, latency, batches])
def test_a_picture_is_drawn_for_both_backgrounds(
    made: Callable[[], Picture], tmp_path: Path
) -> None:
    picture = made()
    page, folder = tmp_path / "docs" / "page.md", tmp_path / "docs" / "pictures"
    command.write({"part": Section("Text.", [picture])}, page, folder)
    light, dark = (
        (folder / f"{picture.name}-{background}.svg").read_text()
        for background in ("light", "dark")
    )
    assert light.count("<path") == dark.count("<path") > 10
    assert "#ffffff" in light
    assert "#0d1117" in dark
    text = page.read_text()
    assert "Text.\n\n<picture>" in text
    assert f'src="pictures/{picture.name}-light.svg"' in text


def drawn(picture: Picture) -> Any:
    figure = Figure()
    picture.draw(figure)
    return figure


def test_the_fastest_contender_is_on_top_and_bars_show_rates() -> None:
    axes = drawn(throughput()).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["loop", OURS, BARE]
    assert [text.get_text() for text in axes.texts] == ["23", "100,000", "1,200,000"]


def test_latency_lines_are_percentiles_and_end_where_a_contender_falls_behind() -> None:
    p50, p99 = drawn(latency()).axes
    assert p50.lines[0].get_ydata().tolist() == [3.0] * len(RATES)
    assert p99.lines[0].get_ydata() == pytest.approx([8.88] * len(RATES))
    assert p50.lines[1].get_xdata().tolist() == [100, 1000]
    assert [line.get_label() for line in p50.lines] == [OURS, "loop"]
