"""A plot of a model card: how it is drawn, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass

from model.plots.style import BACKGROUNDS, Draw, render


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot of a model card.

    Attributes:
        name: of its files, "NAME-light.png" and "NAME-dark.png".
        caption: what it shows.
        width: in inches.
        height: in inches.
        draw: draws it.
    """

    name: str
    caption: str
    width: float
    height: float
    draw: Draw


@dataclass(frozen=True, slots=True)
class RenderedPlot:
    """A plot as image files.

    Attributes:
        name: of its files.
        caption: what it shows.
        light: PNG for light backgrounds.
        dark: PNG for dark ones.
    """

    name: str
    caption: str
    light: bytes
    dark: bytes


def render_plots(plots: Sequence[Plot]) -> list[RenderedPlot]:
    """Draw the plots for both backgrounds, about half a second each.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    return [
        RenderedPlot(
            plot.name,
            plot.caption,
            *(
                render(plot.draw, width=plot.width, height=plot.height, background=background)
                for background in BACKGROUNDS
            ),
        )
        for plot in plots
    ]
