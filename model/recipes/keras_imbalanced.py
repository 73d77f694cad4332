"""The Keras example on imbalanced classification: three wide layers, class weights, later rows."""

from model.recipes.recipe import Layer, Preparation, Published, Recipe

KERAS_IMBALANCED = Recipe(
    name="keras-imbalanced",
    summary="3 x 256 units, class weights, the last fifth held out",
    source='F. Chollet, Keras example "Imbalanced classification: credit card fraud detection"',
    test="later",
    preparation=Preparation(time=True, amount_offset=None, standardised=True),
    layers=(Layer(256), Layer(256, 0.3), Layer(256, 0.3)),
    learning_rate=1e-2,
    batch=2048,
    epochs=30,
    class_weights="inverse",
    published=(
        Published("text", 66, 441, 56_445, 9),
        Published("last epoch's log", 65, 462, 56_424, 10),
        Published("model card", 68, 449, 56_437, 7),
    ),
)
