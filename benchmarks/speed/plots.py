"""Pictures of the comparison: throughput by contender, latency by rate, cost by batch size."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness.drain import Run
from benchmarks.harness.rounds import Runs
from benchmarks.speed.growth import BATCHES, Scenarios
from benchmarks.speed.rates import LatencyByRate
from model.plots.style import (
    BACKGROUNDS,
    BLUE,
    CYAN,
    GREEN,
    GREY,
    ORANGE,
    RED,
    VIOLET,
    Draw,
    logarithmic,
    render,
)

_ROW = 0.36  # inches of a bar


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a page.

    Attributes:
        name: of its files, "NAME-light.svg" and "NAME-dark.svg".
        caption: its alternative text.
        height: in inches.
        draw: draws it.
    """

    name: str
    caption: str
    height: float
    draw: Draw


WIDTH = 9.0


def throughput(runs: Runs, ours: Sequence[str], limits: Sequence[str]) -> Picture:
    """Return the picture of each contender's records a second.

    Args:
        runs: of each contender.
        ours: names of the detectors.
        limits: names of the upper limits.
    """
    rates = {name: median(run.rate for run in rounds) for name, rounds in runs.items()}
    names = sorted(rates, key=rates.__getitem__)
    colours = [BLUE if name in ours else GREY if name in limits else ORANGE for name in names]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        bars = axes.barh(names, [rates[name] for name in names], color=colours)
        axes.bar_label(bars, [f"{rates[name]:,.0f}" for name in names], padding=4)
        axes.set(
            title="Records a second from a full topic",
            xlabel="ours blue, alternatives orange, upper limits grey",
            xscale="log",
            xlim=(min(rates.values()) / 2, 6 * max(rates.values())),
        )
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.minorticks_off()
        axes.grid(visible=False, axis="y")

    return Picture(
        "throughput",
        "Records a second of every contender, on a logarithmic axis.",
        _ROW * len(names) + 1.2,
        draw,
    )


def latency(results: Mapping[str, LatencyByRate], rates: Sequence[float], ours: int) -> Picture:
    """Return the picture of the latency at each rate that a contender keeps up with.

    Args:
        results: of each contender, ours first.
        rates: that were tried.
        ours: how many of the contenders are ours.
    """
    held = {name: result.rates for name, result in results.items() if result.rates}

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, title, index in zip(panels, ("p50", "p99"), (0, -1), strict=True):
            for (name, by_rate), look in zip(held.items(), _looks(ours), strict=False):
                times = [result.percentiles()[index] for result in by_rate.values()]
                axes.plot(list(by_rate), times, **look, label=name)
            axes.set(title=title, xlabel="transactions a second", xscale="log")
            logarithmic(axes)
            axes.set_xticks(rates, [f"{rate:,.0f}" for rate in rates])
            axes.minorticks_off()
        panels[0].set(ylabel="milliseconds to the alert")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)

    return Picture(
        "latency",
        "Milliseconds from a transaction to its alert by transactions a second; a line ends where "
        "its contender falls behind.",
        5.2,
        draw,
    )


def _looks(ours: int) -> Iterator[dict[str, Any]]:
    """Yield distinguishable line styles; ours come first, blue and thick."""
    lines = ("-", "--")
    for line in lines[:ours]:
        yield {"color": BLUE, "linestyle": line, "marker": "o", "linewidth": 3}
    others = product(lines, (ORANGE, GREEN, VIOLET, RED, CYAN, GREY))
    for (line, colour), marker in zip(others, "s^DvPX*<>hdp", strict=True):
        yield {"color": colour, "linestyle": line, "marker": marker}


def batches(grown: Mapping[str, Scenarios], runs: Runs) -> Picture:
    """Return the picture of rate and CPU time by batch size."""
    scenarios = grown[BATCHES].values()
    sizes = [scenario.batch_maximum for scenario in scenarios]

    def values(of: Callable[[Run], float]) -> list[float]:
        return [median(map(of, runs[scenario.name])) for scenario in scenarios]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharex=True)
        left.plot(sizes, values(lambda run: run.rate), color=BLUE, marker="o")
        left.set(title="Records a second", xscale="log")
        right.plot(sizes, values(lambda run: run.cpu_seconds), color=ORANGE, marker="o")
        right.set(title="CPU seconds for a million records")
        for axes in (left, right):
            axes.set_ylim(bottom=0)
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.minorticks_off()
            axes.set(xlabel="records in a batch, at most")
        left.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")

    return Picture("batches", "Rate and CPU time by the largest batch allowed.", 3.6, draw)


def write(picture: Picture, folder: Path) -> None:
    """Draw a picture for each background.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for background in BACKGROUNDS:
        drawn = render(
            picture.draw, width=WIDTH, height=picture.height, background=background, kind="svg"
        )
        (folder / f"{picture.name}-{background}.svg").write_bytes(drawn)


def embed(picture: Picture, folder: Path, page: Path) -> str:
    """Return the HTML that shows a picture on a Markdown page, in light or in dark."""
    where = Path(os.path.relpath(folder, page.parent)).as_posix()
    return (
        "<picture>\n"
        f'<source media="(prefers-color-scheme: dark)" srcset="{where}/{picture.name}-dark.svg">\n'
        f'<img alt="{picture.caption}" src="{where}/{picture.name}-light.svg">\n'
        "</picture>"
    )
