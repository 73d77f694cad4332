"""Save the networks of several recipes, with plots that compare them in each model card."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from model.artifact.save import check_replaceable, save
from model.evaluation.curve import Scored
from model.labelled import Labelled
from model.pipeline import plots_of
from model.plots.panels import precision_recall_curves, roc_curves
from model.plots.plot import Plot, RenderedPlot, render_plots
from model.recipes import RECIPES
from model.recipes.recipe import Recipe
from model.serving.backend import installed
from model.training.train import Trained, ignore


def check_folder(folder: Path, recipes: Sequence[Recipe]) -> None:
    """Check that each recipe's artifact can be written, before any time is spent on training.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ArtifactError: an artifact cannot be written.
    """
    installed("matplotlib")
    for recipe in recipes:
        check_replaceable(folder / recipe.name)


def save_all(
    folder: Path,
    networks: Sequence[Trained],
    rows: Labelled,
    *,
    progress: Callable[[int], None] = ignore,
) -> None:
    """Write each network's artifact to FOLDER/RECIPE, with its own plots and the comparing ones.

    Args:
        folder: of the artifacts.
        networks: one of each recipe.
        rows: that each was trained on.
        progress: called with 1 after each artifact.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ArtifactError: a folder cannot be written, or holds something other than an artifact.
    """
    comparing = comparing_plots(networks)
    for trained in networks:
        recipe = trained.metadata.recipe
        plots = [*render_plots(plots_of(trained, rows)), *comparing[recipe]]
        save(folder / recipe, trained.network, trained.metadata, plots)
        progress(1)


def comparing_plots(networks: Sequence[Trained]) -> Mapping[str, list[RenderedPlot]]:
    """Return each recipe's comparing plots: ROC within its write-up, precision over recall of all.

    There is no plot of one network alone.
    """
    by_source: dict[str, list[Trained]] = defaultdict(list)
    for trained in networks:
        by_source[RECIPES[trained.metadata.recipe].source].append(trained)
    plots: dict[str, list[RenderedPlot]] = defaultdict(list)
    groups = (*((group, _roc) for group in by_source.values()), (networks, _precision))
    for group, plot_of in groups:
        if len(group) > 1:
            rendered = render_plots([plot_of(group)])
            for trained in group:
                plots[trained.metadata.recipe] += rendered
    return plots


def _roc(networks: Sequence[Trained]) -> Plot:
    return Plot(
        "roc",
        "ROC of the recipes of this write-up, on the transactions held out from each.",
        8.0,
        5.6,
        roc_curves(_by_label(networks, "roc_auc")),
    )


def _precision(networks: Sequence[Trained]) -> Plot:
    return Plot(
        "precision-recall",
        "Precision over recall of several recipes, each on its own held-out transactions.",
        8.0,
        6.0,
        precision_recall_curves(_by_label(networks, "average_precision")),
    )


def _by_label(networks: Sequence[Trained], metric: str) -> dict[str, Scored]:
    """Return the held-out rows of each network, by its recipe and a metric."""
    return {
        f"{trained.metadata.recipe}: {getattr(trained.metadata.held_out, metric):.3f}": (
            trained.held_out
        )
        for trained in networks
    }
