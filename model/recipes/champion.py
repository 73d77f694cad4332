"""The network that is served by default."""

from model.recipes.recipe import Layer, Preparation, Recipe

CHAMPION = Recipe(
    name="champion",
    summary="the network served by default: evaluated on later transactions",
    source="fraudstream",
    test="later",
    # Amounts range from 0 to 25,691 with a median of 22: their logarithm is nearly normal. Frauds
    # lie 5 to 30 standard deviations out in several components; the distance beyond 5 only invites
    # overfitting, and clipping keeps an absurd number from drowning the others. 7 of the 30
    # features separate frauds hardly better than chance. Terms between quantiles let one wide layer
    # bend where a deep network has to learn the place. docs/recipes.md gives the gain of each.
    preparation=Preparation(
        time=True, amount_offset=1.0, standardised=True, clip=5.0, apart=0.2, bins=8
    ),
    layers=(Layer(256, 0.3),),
    true_bias=True,
    learning_rate=1e-3,
    weight_decay=1e-4,
    cosine=True,
    batch=2048,
    epochs=20,
    refitted=True,
)
