"""A picture of each dashboard, without Grafana: `python -m benchmarks.operations.dashboards`.

Runs the queries of the dashboards against a Prometheus and draws each panel in its place, by its
type, unit and thresholds. The pictures show the data of the panels, not the look of Grafana.

    python -m benchmarks.operations.dashboards --minutes 30 --folder docs
"""

import argparse
import io
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.command import command_parser, run_command
from benchmarks.operations.panels import SCRAPE_SECONDS, Dashboard, Panel, Query, read_dashboards
from benchmarks.operations.prometheus import Prometheus, Series
from model.plots.style import BLUE, CYAN, GREEN, GREY, ORANGE, RED, VIOLET, render

_POINTS = 240  # of a line
_INCHES = 14.0  # across; Grafana divides it into 24 columns
_ROW = 0.27  # inches of a row of Grafana's grid
_HEAD = 0.45  # inches above the first row
# Inches for labels, left and below.
_MARGINS = {"timeseries": (0.6, 0.5), "heatmap": (0.6, 0.25), "bargauge": (1.1, 0.1)}
_COLOURS = (BLUE, ORANGE, GREEN, VIOLET, CYAN, RED, GREY)
_NAMED = {
    "red": RED, "orange": ORANGE, "yellow": ORANGE, "green": GREEN, "blue": BLUE, "purple": VIOLET,
}  # fmt: skip
_OVER_TIME = ("timeseries", "heatmap")
_BINARY = 1024.0
_LARGE = 1000.0  # larger numbers have no decimals

Answers = list[tuple[Query, list[Series]]]


def format_value(value: float, unit: str, decimals: int | None = None) -> str:
    """Format a number as Grafana does: 0.5 in `percentunit` is 50 %."""
    if not np.isfinite(value):
        return "-" if np.isnan(value) else str(value)
    if unit == "percentunit":
        return f"{100 * value:.3g} %" if decimals is None else f"{100 * value:.{decimals}f} %"
    if unit == "s":
        if value < 1 and decimals is None:
            return f"{1000 * value:.3g} ms"
        return f"{value:.{1 if decimals is None else decimals}f} s"
    if unit == "bytes":
        return f"{value / _BINARY**2:,.0f} MiB"
    if decimals is None:
        number = f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3g}"
    else:
        number = f"{value:,.{decimals}f}"
    return number + unit.removeprefix("suffix:") if unit.startswith("suffix:") else number


def draw(
    dashboard: Dashboard, prometheus: Prometheus, *, end: float, shown: float
) -> Callable[[Any], None]:
    """Return a function that draws a dashboard on a figure.

    Args:
        dashboard: to draw.
        prometheus: source of the data.
        end: of the shown time, seconds since the epoch.
        shown: seconds to show.
    """
    step = max(shown / _POINTS, SCRAPE_SECONDS)

    def run(queries: tuple[Query, ...]) -> Answers:
        return [(query, query.run(prometheus, end, shown, step)) for query in queries]

    answered = [
        (panel, run(panel.queries) if panel.source == "prometheus" else [])
        for panel in dashboard.panels
    ]
    changes = [
        datetime.fromtimestamp(series.times[0], UTC)
        for _, answer in run(dashboard.annotations)
        for series in answer
        if series.times[0] > end - shown + step
    ]

    def on(figure: Any) -> None:
        figure.set_layout_engine("none")
        inches = figure.get_figheight()
        figure.text(0.01, 1 - 0.3 / inches, dashboard.title, fontsize=15, weight="bold")
        for row in dashboard.rows:
            y = 1 - (_HEAD + _ROW * (row.json["gridPos"]["y"] + 0.75)) / inches
            figure.text(0.01, y, row.title, fontsize=10, color=GREY)
        for panel, data in answered:
            axes = _place(figure, panel)
            if panel.source == "loki":
                _draw_nothing(axes)
                continue
            _KINDS[panel.kind](axes, panel, data)
            if panel.kind in _OVER_TIME:
                _time_axis(axes, end - shown, end)
                for change in changes:
                    axes.axvline(change, color=VIOLET, linestyle=":", linewidth=1)

    return on


def height(dashboard: Dashboard) -> float:
    """Return the height of the picture, in inches."""
    places = [panel.json["gridPos"] for panel in dashboard.panels]
    return float(_HEAD + _ROW * max(place["y"] + place["h"] for place in places))


def _place(figure: Any, panel: Panel) -> Any:
    """Draw frame and title of a panel at its place in Grafana's grid; return axes within."""
    from matplotlib.patches import Rectangle

    place, inches = panel.json["gridPos"], figure.get_figheight()
    column = _INCHES / 24
    left, width = column * place["x"] + 0.05, column * place["w"] - 0.1
    bottom = inches - _HEAD - _ROW * (place["y"] + place["h"]) + 0.05
    high = _ROW * place["h"] - 0.1

    def box(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
        return x / _INCHES, y / inches, w / _INCHES, h / inches

    x, y, w, h = box(left, bottom, width, high)
    figure.add_artist(Rectangle((x, y), w, h, fill=False, edgecolor=GREY, linewidth=0.5, alpha=0.5))
    figure.text(x + 0.08 / _INCHES, y + h - 0.2 / inches, panel.title, fontsize=8, weight="bold")
    west, south = _MARGINS.get(panel.kind, (0.1, 0.08))
    return figure.add_axes(
        box(left + west, bottom + south, width - west - 0.12, high - south - 0.3)
    )


def _unit(panel: Panel) -> tuple[str, int | None]:
    defaults = panel.json["fieldConfig"]["defaults"]
    return defaults["unit"], defaults.get("decimals")


def _steps(panel: Panel) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = panel.json["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return steps


def _colour(panel: Panel, value: float) -> str:
    reached = [step for step in _steps(panel) if step["value"] is None or value >= step["value"]]
    return _NAMED[reached[-1]["color"]]


def _stat(axes: Any, panel: Panel, data: Answers) -> None:
    axes.axis("off")
    values = [series.values[-1] for _, answer in data for series in answer]
    value = values[0] if values else np.nan
    text, colour = format_value(value, *_unit(panel)), _colour(panel, value)
    axes.text(0, 0.4, text, fontsize=17, color=colour, va="center", transform=axes.transAxes)


def _bars(axes: Any, panel: Panel, data: Answers) -> None:
    names = [query.name(series) for query, answer in data for series in answer]
    values = np.array([series.values[-1] for _, answer in data for series in answer])
    colours = [_colour(panel, value) for value in values]
    drawn = axes.barh(names, np.nan_to_num(values), color=colours, height=0.6)
    texts = [format_value(value, *_unit(panel)) for value in values]
    axes.bar_label(drawn, texts, fontsize=7, padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.grid(visible=False)
    axes.tick_params(labelsize=7, labelbottom=False)
    axes.tick_params(length=0)


def _lines(axes: Any, panel: Panel, data: Answers) -> None:
    custom = panel.json["fieldConfig"]["defaults"]["custom"]
    drawn = [(query.name(series), series) for query, answer in data for series in answer]
    for number, (name, series) in enumerate(drawn):
        values = np.where(np.isfinite(series.values), series.values, np.nan)
        colour = _COLOURS[number % len(_COLOURS)]
        axes.plot(_clock(series), values, label=name, color=colour, linewidth=1.2)
    if "scaleDistribution" in custom:
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
        axes.minorticks_off()
    elif panel.json["fieldConfig"]["defaults"].get("min") == 0:
        axes.set_ylim(bottom=0)
    _, top = axes.get_ylim()
    for step in _steps(panel)[1:] if "thresholdsStyle" in custom else ():
        if step["value"] < top:
            axes.axhline(step["value"], color=_NAMED[step["color"]], linestyle="--", linewidth=0.9)
    axes.yaxis.set_major_formatter(lambda value, _: format_value(value, _unit(panel)[0]))
    if any(name for name, _ in drawn):
        beneath = {"loc": "upper left", "bbox_to_anchor": (0, -0.17), "borderaxespad": 0}
        axes.legend(fontsize=6, ncols=5, columnspacing=1, handlelength=1, **beneath)


def _heatmap(axes: Any, _: Panel, data: Answers) -> None:
    buckets = sorted(
        (series for _query, answer in data for series in answer),
        key=lambda series: float(series.labels["le"]),
    )
    shared = sorted(set.intersection(*(set(series.times) for series in buckets)))
    kept = [series.values[np.isin(series.times, shared)] for series in buckets]
    counts = np.diff(np.vstack([np.zeros(len(shared)), *kept]), axis=0)
    clock = [datetime.fromtimestamp(moment, UTC) for moment in shared]
    axes.pcolormesh(
        clock, range(len(buckets)), np.maximum(counts, 0) ** 0.2, cmap="Blues", shading="nearest"
    )
    axes.set_yticks(range(len(buckets)), [series.labels["le"] for series in buckets])
    axes.grid(visible=False)


def _table(axes: Any, panel: Panel, data: Answers) -> None:
    axes.axis("off")
    excluded = panel.json["transformations"][0]["options"]["excludeByName"]
    rows = [
        "   ".join(f"{name} {value[:24]}" for name, value in series.labels.items()
                   if not excluded.get(name))
        for _, answer in data
        for series in answer
    ]  # fmt: skip
    axes.text(0, 1, "\n".join(rows) or "none", fontsize=7, va="top", transform=axes.transAxes)


def _draw_nothing(axes: Any) -> None:
    axes.axis("off")
    axes.text(0, 1, "from Loki; not drawn", fontsize=7, va="top", transform=axes.transAxes)


_KINDS: dict[str, Callable[[Any, Panel, Answers], None]] = {
    "bargauge": _bars,
    "heatmap": _heatmap,
    "stat": _stat,
    "table": _table,
    "timeseries": _lines,
}


def _clock(series: Series) -> list[datetime]:
    return [datetime.fromtimestamp(moment, UTC) for moment in series.times]


def _time_axis(axes: Any, begin: float, end: float) -> None:
    moments = [datetime.fromtimestamp(moment, UTC) for moment in np.linspace(begin, end, 6)]
    axes.set_xlim(moments[0], moments[-1])
    axes.set_xticks(moments[1:-1], [f"{moment:%H:%M:%S}" for moment in moments[1:-1]])
    axes.tick_params(labelsize=6.5)


def save(
    path: Path, dashboard: Dashboard, prometheus: Prometheus, *, end: float, shown: float
) -> None:
    """Write the picture of a dashboard as a PNG; the other arguments are those of `draw`."""
    picture = draw(dashboard, prometheus, end=end, shown=shown)
    drawn = render(picture, width=_INCHES, height=height(dashboard), background="light")
    path.write_bytes(_few_colours(drawn))


def _few_colours(picture: bytes) -> bytes:
    """Return a PNG with a palette, a third of the size; matplotlib depends on Pillow."""
    from PIL import Image

    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(64).save(file, "png", optimize=True)
    return file.getvalue()


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.operations.dashboards", __doc__)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--minutes", type=float, default=30, help="to show, up to now")
    parser.add_argument("--folder", type=Path, default=Path(), help="for the pictures")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Draw every dashboard."""
    prometheus, end = Prometheus(arguments.prometheus), time.time()
    for dashboard in read_dashboards():
        path = arguments.folder / f"dashboards-{dashboard.uid}.png"
        save(path, dashboard, prometheus, end=end, shown=60 * arguments.minutes)
        print(path)


if __name__ == "__main__":
    run_command(parser(), run)
