"""TensorFlow's tutorial on imbalanced data: one network, three ways to treat the rare class."""

from dataclasses import replace

from model.recipes.recipe import Layer, Preparation, Published, Recipe

_SOURCE = 'TensorFlow tutorial, "Classification on imbalanced data", editions of 2019 and 2020'

BASELINE = Recipe(
    name="tensorflow-baseline",
    summary="16 units, true bias, early stopping, random split",
    source=_SOURCE,
    test="random",
    validation_share=0.2,
    preparation=Preparation(time=False, amount_offset=0.001, standardised=True, clip=5.0),
    layers=(Layer(16, 0.5),),
    true_bias=True,
    learning_rate=1e-3,
    batch=2048,
    epochs=100,
    patience=10,
    published=(
        Published("2019", 68, 11, 56_846, 37, roc_auc=0.923),
        Published("2020", 72, 9, 56_865, 16, roc_auc=0.954),
    ),
)

WEIGHTED = replace(
    BASELINE,
    name="tensorflow-weighted",
    summary="the same, a fraud counting 579 times as much",
    class_weights="balanced",
    published=(
        Published("2019", 92, 937, 55_920, 13, roc_auc=0.976),
        Published("2020", 77, 408, 56_466, 11, roc_auc=0.969),
    ),
)

OVERSAMPLED = replace(
    BASELINE,
    name="tensorflow-oversampled",
    summary="the same, half of each batch frauds",
    # With as many frauds as legitimate rows in a batch, the initial score is a half.
    true_bias=False,
    oversampled=True,
    steps=20,  # the tutorial's slower version: with many short epochs, early stopping is finer
    epochs=1000,
    published=(
        Published("2019", 92, 1_193, 55_664, 13, roc_auc=0.962),
        Published("2020", 83, 1_020, 55_854, 5, roc_auc=0.995),
    ),
)
