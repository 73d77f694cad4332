"""The champion with one thing changed each, to measure the gain of its choices."""

from dataclasses import replace

from model.recipes.champion import CHAMPION
from model.recipes.recipe import Layer, Recipe

_PREPARATION = CHAMPION.preparation
_DEEP = (Layer(256, 0.3), Layer(128, 0.3), Layer(64, 0.3))

VARIANTS: dict[str, Recipe] = {
    "no piecewise terms": replace(CHAMPION, preparation=replace(_PREPARATION, bins=0)),
    "16 bins": replace(CHAMPION, preparation=replace(_PREPARATION, bins=16)),
    "clipped at 10": replace(CHAMPION, preparation=replace(_PREPARATION, clip=10.0)),
    "clipped at 3": replace(CHAMPION, preparation=replace(_PREPARATION, clip=3.0)),
    "all features": replace(CHAMPION, preparation=replace(_PREPARATION, apart=0.0)),
    "features apart by 0.3": replace(CHAMPION, preparation=replace(_PREPARATION, apart=0.3)),
    "without Time": replace(CHAMPION, preparation=replace(_PREPARATION, time=False)),
    "layers 256-128-64": replace(CHAMPION, layers=_DEEP),
    "a layer of 128": replace(CHAMPION, layers=(Layer(128, 0.3),)),
    "a layer of 512": replace(CHAMPION, layers=(Layer(512, 0.3),)),
    "no dropout": replace(CHAMPION, layers=(Layer(256),)),
    "10 epochs": replace(CHAMPION, epochs=10),
    "weight decay 0.01": replace(CHAMPION, weight_decay=1e-2),
    "classes weighted": replace(CHAMPION, class_weights="balanced"),
    "half frauds": replace(CHAMPION, oversampled=True),
    # The first version of the champion.
    "plain": replace(
        CHAMPION,
        preparation=replace(_PREPARATION, clip=10.0, apart=0.0, bins=0),
        layers=_DEEP,
        epochs=6,
    ),
}
"""By the change."""
