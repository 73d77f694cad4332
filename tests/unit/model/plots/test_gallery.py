"""Pictures are drawn, for both backgrounds, and are the same bytes each time."""

import io

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from model.plots.gallery import rendered
from model.training.train import Trained, pictures_of


def test_every_picture_is_drawn_as_large_as_it_says(
    trained: Trained, transactions: pd.DataFrame
) -> None:
    pictures = pictures_of(trained, transactions)
    drawn = rendered(pictures)
    assert [it.name for it in drawn] == [it.name for it in pictures]
    assert len({it.name for it in drawn}) == len(drawn) == 7
    for picture, files in zip(pictures, drawn, strict=True):
        light, dark = (Image.open(io.BytesIO(it)) for it in (files.light, files.dark))
        assert light.size == dark.size == (round(picture.width * 120), round(picture.height * 120))
        for image, ground in ((light, (255, 255, 255)), (dark, (13, 17, 23))):
            colours = image.convert("RGB").getcolors(1_000_000)
            assert colours is not None
            assert max(colours)[1] == ground or picture.name == "confusion"
            assert len(colours) > 20, f"{picture.name} is empty"
    assert rendered(pictures[:1]) == drawn[:1]


def test_a_row_counts_in_the_class_balance_as_often_as_it_stands_for(
    trained: Trained, transactions: pd.DataFrame
) -> None:
    weights = np.where(transactions["Class"] == 1, 2.0, 30.0)
    balance, *_ = pictures_of(trained, transactions, weights=weights)
    figure = Figure()
    balance.draw(figure)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [150 * 2, 2850 * 30]
