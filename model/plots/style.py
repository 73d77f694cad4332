"""The style of all plots, for light and for dark backgrounds."""

import io
from collections.abc import Callable
from typing import Any, Literal

from model.serving.backend import installed

Background = Literal["light", "dark"]
BACKGROUNDS: tuple[Background, ...] = ("light", "dark")

Draw = Callable[[Any], None]
"""Draws on an empty matplotlib figure."""

# Readable on both backgrounds.
BLUE, ORANGE, GREEN, RED = "#3b82f6", "#f59e0b", "#10b981", "#ef4444"
VIOLET, CYAN, GREY = "#a855f7", "#06b6d4", "#8b949e"

_INK: dict[Background, dict[str, str]] = {
    "light": {"ground": "#ffffff", "ink": "#1f2328", "faint": "#d1d9e0"},
    "dark": {"ground": "#0d1117", "ink": "#e6edf3", "faint": "#3d444d"},
}


def render(
    draw: Draw,
    *,
    width: float,
    height: float,
    background: Background,
    kind: Literal["png", "svg"] = "png",
) -> bytes:
    """Draw a plot and return the file's bytes.

    Args:
        draw: draws the plot.
        width: in inches, at 120 dots each.
        height: likewise.
        background: of the page that it will be shown on.
        kind: of file.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    matplotlib = installed("matplotlib")
    figures = installed("matplotlib.figure")
    with matplotlib.rc_context(_style(background)):
        figure = figures.Figure(figsize=(width, height), dpi=120, layout="constrained")
        draw(figure)
        file = io.BytesIO()
        # Without a date, the same plot is the same bytes.
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def _style(background: Background) -> dict[str, Any]:
    colours = _INK[background]
    ink, ground, faint = colours["ink"], colours["ground"], colours["faint"]
    return {
        "figure.facecolor": ground,
        "savefig.facecolor": ground,
        "axes.facecolor": ground,
        "axes.edgecolor": faint,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": faint,
        "grid.linewidth": 0.6,
        "xtick.color": ink,
        "ytick.color": ink,
        "text.color": ink,
        "font.size": 11,
        "legend.frameon": False,
        "lines.linewidth": 2,
        # In inches; text at the edge needs a margin.
        "figure.constrained_layout.h_pad": 0.12,
        "figure.constrained_layout.w_pad": 0.12,
        "svg.hashsalt": "fraudstream",
    }


def logarithmic(axes: Any) -> None:
    """Make the vertical axis logarithmic, with plain numbers as labels."""
    ticker = installed("matplotlib.ticker")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    # There are too few powers of ten for ticks.
    if high < 10 * low:
        axes.yaxis.set_major_locator(ticker.MaxNLocator(4))
    elif high < 100 * low:
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
