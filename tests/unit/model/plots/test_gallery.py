"""Plots are drawn, for both backgrounds, and are the same bytes each time."""

import io
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from model.labelled import Labelled
from model.pipeline import plots_of
from model.plots.plot import render_plots
from model.training.train import Trained


def test_every_plot_has_its_size_and_content(trained: Trained, rows: Labelled) -> None:
    plots = plots_of(trained, rows)
    rendered = render_plots(plots)
    assert [files.name for files in rendered] == [plot.name for plot in plots]
    assert len({files.name for files in rendered}) == len(rendered) == 7
    for plot, files in zip(plots, rendered, strict=True):
        light, dark = (Image.open(io.BytesIO(content)) for content in (files.light, files.dark))
        assert light.size == dark.size == (round(plot.width * 120), round(plot.height * 120))
        for image, ground in ((light, (255, 255, 255)), (dark, (13, 17, 23))):
            colours = image.convert("RGB").getcolors(1_000_000)
            assert colours is not None
            assert max(colours)[1] == ground or plot.name == "confusion"
            assert len(colours) > 20, f"{plot.name} is empty"
    assert render_plots(plots[:1]) == rendered[:1]


def test_weights_count_in_the_class_balance(trained: Trained, rows: Labelled) -> None:
    weighted = replace(rows, weights=np.where(rows.fraud, 2.0, 30.0))
    balance, *_ = plots_of(trained, weighted)
    figure = Figure()
    balance.draw(figure)
    widths = [bar.get_width() for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert widths == [150 * 2, 2850 * 30]
