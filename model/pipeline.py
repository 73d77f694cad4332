"""From labelled transactions to an artifact: train a network, draw its plots, write both."""

from collections.abc import Callable
from pathlib import Path

from model.artifact.metadata import DataSource, Metadata
from model.artifact.save import check_replaceable, save
from model.labelled import Labelled
from model.plots import initial_bias
from model.plots.gallery import gallery
from model.plots.plot import Plot, render_plots
from model.recipes import RECIPES
from model.training.plan import TrainingPlan
from model.training.train import Trained, ignore, train


def train_and_save(
    rows: Labelled,
    plan: TrainingPlan,
    folder: Path,
    *,
    source: DataSource,
    progress: Callable[[int], None] = ignore,
) -> Metadata:
    """Train a network, write its artifact, and return the metadata written.

    The artifact is written after training, whole or not at all.

    Args:
        rows: in the order of time.
        plan: the choices.
        folder: of the artifact; an older artifact in it is replaced.
        source: of the rows, for the metadata.
        progress: called with 1 after each epoch, `planned_epochs(plan)` times, or fewer times
            where the recipe stops early.

    Raises:
        ArtifactError: the folder cannot be written, or holds something other than an artifact.
        MissingExtraError: the plan has plots, and matplotlib is not installed.
        TrainingError, PolicyError, DeviceError: as `train`.
    """
    check_replaceable(folder)
    trained = train(rows, plan, source=source, progress=progress)
    plots = plots_of(trained, rows, progress=progress) if plan.plots else []
    return save(folder, trained.network, trained.metadata, render_plots(plots))


def planned_epochs(plan: TrainingPlan) -> int:
    """Return the number of epochs that `train_and_save` trains at most."""
    epochs = (plan.epochs or plan.recipe.epochs) * (2 if plan.refits else 1)
    return epochs + (initial_bias.trained_epochs(plan.recipe) if plan.plots else 0)


def plots_of(
    trained: Trained, rows: Labelled, *, progress: Callable[[int], None] = ignore
) -> list[Plot]:
    """Return the plots of a network's model card.

    Where the recipe's author compares two initial biases, the network is trained with each, for
    the plot of their losses.

    Args:
        trained: the network.
        rows: that `train` was given.
        progress: called with 1 after each epoch of those two trainings.
    """
    metadata, recipe = trained.metadata, RECIPES[trained.metadata.recipe]
    plots = gallery(rows, trained.network, metadata, trained.held_out)
    if initial_bias.has_plot(recipe):
        losses = initial_bias.losses(recipe, rows, seed=metadata.seed, progress=progress)
        plots.append(initial_bias.plot(losses))
    return plots
