"""The network that is served by default."""

from model.recipes.recipe import Layer, Preparation, Recipe

CHAMPION = Recipe(
    name="champion",
    summary="the network served by default: judged on later transactions",
    source="fraudstream",
    test="later",
    # Amounts run from 0 to 25,691 with a median of 22: their logarithm is near to normal. Frauds
    # lie 5 to 30 standard deviations out in several components; how far beyond 5 is learned by
    # heart, and an absurd number cannot drown the others. Of 30 features, 7 tell frauds by little
    # more than chance. Terms between quantiles let one wide layer bend where a deep network has to
    # find out where. docs/recipes.md has what each of these is worth.
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
