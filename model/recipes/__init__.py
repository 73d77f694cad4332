"""Recipes for training a network: our own, and published ones."""

from model.recipes.champion import CHAMPION
from model.recipes.keras_imbalanced import KERAS_IMBALANCED
from model.recipes.prosise import PROSISE
from model.recipes.recipe import Recipe
from model.recipes.tensorflow import BASELINE, OVERSAMPLED, WEIGHTED

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (CHAMPION, PROSISE, BASELINE, WEIGHTED, OVERSAMPLED, KERAS_IMBALANCED)
}
"""Every recipe by its name; the default first."""
