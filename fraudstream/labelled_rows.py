"""Labelled rows that a model is evaluated on, and a warning if it was trained on them."""

from pathlib import Path

import numpy as np

from dataset.reader import read, sha256
from dataset.split import boundary
from dataset.weights import read_weights
from model.artifact.metadata import Metadata
from model.labelled import Labelled
from model.recipes import RECIPES
from model.training.split import TEST_SHARE


def labelled_rows(data: Path, weights: Path | None, last: float = 1.0) -> Labelled:
    """Return the rows of a file.

    Args:
        data: creditcard.csv, or a file of its columns.
        weights: a file with the weight of each row, or None.
        last: share of the transactions to return, the last ones.
    """
    frame = read(data)
    weight = None if weights is None else read_weights(weights, len(frame))
    rows = Labelled.of(frame, weight)
    return rows if last == 1 else rows.take(slice(boundary(len(rows), last, weight), None))


def training_rows_warning(
    metadata: Metadata, rows: Labelled, data: Path, last: float = 1.0
) -> str | None:
    """Return a warning where the network was trained on some of the rows."""
    recipe = RECIPES.get(metadata.recipe)
    held_out = recipe and recipe.test == "later" and not metadata.refitted and last <= TEST_SHARE
    same_file = metadata.source.sha256 == sha256(data)
    if held_out or not (same_file or _has_training_row(metadata, rows)):
        return None
    return (
        f"This network was trained on rows of {data.name}, so these metrics are too good. Its "
        "model card has those on held-out rows."
    )


def _has_training_row(metadata: Metadata, rows: Labelled) -> bool:
    """Whether the rows have one of the metadata's sample, as another copy of the file has.

    The sample is spread over the rows from the first to the last. Unless the network was refitted,
    only the first one is certain to be outside the last fifth, which was held out.
    """
    inputs, sample = rows.inputs, np.asarray(metadata.sample.features, np.float32)
    trained_on = sample if metadata.refitted else sample[:1]
    return any((inputs == row).all(axis=1).any() for row in trained_on)
