"""A recipe: its source, split, preprocessing, network, training, and its author's figures."""

from dataclasses import dataclass, field
from typing import Literal

ClassWeights = Literal["balanced", "inverse"]
"""The weight of each class in the loss: "balanced" total / (2 x count), "inverse" 1 / count."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A hidden layer of rectified linear units, with the rate of the dropout after it."""

    units: int
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Preparation:
    """Preprocessing of raw features inside the network, in this order.

    Attributes:
        time: whether Time is a feature.
        amount_offset: added to Amount before its logarithm is taken; None for no logarithm.
        standardised: whether features get mean 0 and variance 1 on the training rows.
        clip: bound in standard deviations; None for no bound.
        apart: the least Kolmogorov-Smirnov distance, from 0 to 1, between the two classes'
            distributions of a feature; features below it are dropped.
        bins: bins of piecewise-linear terms, which are added to each feature: the part of each
            bin below the value. The edges are this many quantiles of the legitimate rows and half
            as many of the frauds (Gorishniy, Rubachev and Babenko, On Embeddings for Numerical
            Features in Tabular Deep Learning, 2022). 0 for no terms.
    """

    time: bool
    amount_offset: float | None
    standardised: bool
    clip: float | None = None
    apart: float = 0.0
    bins: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """Figures that an author published, on the author's own held-out rows; None if unpublished.

    Attributes:
        where: edition or place.
        true_positives: frauds flagged.
        false_positives: legitimate transactions flagged.
        true_negatives: legitimate transactions not flagged.
        false_negatives: frauds not flagged.
        roc_auc: area under the ROC.
        recall: where it is published without counts.
        accuracy: likewise.
    """

    where: str
    true_positives: int | None = None
    false_positives: int | None = None
    true_negatives: int | None = None
    false_negatives: int | None = None
    roc_auc: float | None = None
    recall: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines a network, given the training rows and a seed.

    Attributes:
        name: as typed.
        summary: in one line.
        source: author and title.
        test: which fifth of the rows is held out: a "random" one, a random one with the same
            share of frauds ("stratified"), or the "later" one.
        split_seed: of the random split; None for the training's seed.
        validation_share: of the other rows, held out at random for early stopping; 0 to validate
            on the test rows after each epoch instead.
        preparation: of raw features.
        layers: hidden ones.
        true_bias: whether the untrained network scores the share of frauds; 0.5 if not.
        learning_rate: of Adam.
        weight_decay: decoupled from the learning rate, as in AdamW.
        cosine: whether the learning rate falls to 0 along a half cosine.
        batch: rows in a step.
        epochs: at most.
        patience: epochs without a better validation ROC AUC before training stops, with the best
            weights; None for no early stopping.
        class_weights: in the loss; None for equal ones.
        oversampled: whether half of each batch are frauds, drawn repeatedly.
        steps: in an epoch, where oversampled; None for enough to use each legitimate row once.
        refitted: whether, after the evaluation, a network is trained on all rows, held-out ones
            included: the latest rows are the most similar to the ones that follow.
        published: the author's figures.
    """

    name: str
    summary: str
    source: str
    test: Literal["random", "stratified", "later"]
    preparation: Preparation
    layers: tuple[Layer, ...]
    learning_rate: float
    batch: int
    epochs: int
    true_bias: bool = False
    split_seed: int | None = None
    validation_share: float = 0.0
    weight_decay: float = 0.0
    cosine: bool = False
    patience: int | None = None
    class_weights: ClassWeights | None = None
    oversampled: bool = False
    steps: int | None = None
    refitted: bool = False
    published: tuple[Published, ...] = field(default=())
