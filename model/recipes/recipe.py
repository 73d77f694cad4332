"""What a recipe is: who wrote it down, how it splits, prepares and learns, what its author got."""

from dataclasses import dataclass, field
from typing import Literal

ClassWeights = Literal["balanced", "inverse"]
"""How much more a fraud counts: "balanced" total / (2 x count), "inverse" 1 / count."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A hidden layer of rectified units, and the share of them left out at each step after it."""

    units: int
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to raw features, in this order, inside the network.

    Attributes:
        time: whether Time is looked at.
        amount_offset: added to Amount before its logarithm is taken; None leaves it as it is.
        standardised: whether each is brought to mean 0 and variance 1 of the learned rows.
        clip: standard deviations beyond which values count as that; None for no bound.
        apart: how far apart a feature's distributions in the two classes must be at least, as the
            Kolmogorov-Smirnov distance from 0 to 1, for the feature to be looked at.
        bins: for each feature, so many piecewise-linear terms beside it: what part of the bin lies
            below the value, the bins' edges being quantiles of the legitimate rows, and of the
            frauds half as many (Gorishniy, Rubachev and Babenko, On Embeddings for Numerical
            Features in Tabular Deep Learning, 2022). 0 for none.
    """

    time: bool
    amount_offset: float | None
    standardised: bool
    clip: float | None = None
    apart: float = 0.0
    bins: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """Figures that an author published, on the author's own held-out rows.

    Attributes:
        where: in which edition or place.
        true_positives: frauds found; None where not told, as with the others.
        false_positives: legitimate transactions flagged.
        true_negatives: legitimate transactions not flagged.
        false_negatives: frauds missed.
        roc_auc: area under the ROC.
        recall: where it is told without counts.
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
    """All that makes one network from one set of rows.

    Attributes:
        name: as typed.
        summary: what it is, in a line.
        source: who wrote it down, and where.
        test: which fifth of the rows judges it: drawn at "random", at random with the same share
            of frauds ("stratified"), or the "later" rows.
        split_seed: of that drawing; None for the training's own seed.
        validation_share: of the other rows, drawn at random and not learned from, for early
            stopping; 0 where the rows that judge are looked at after each epoch instead.
        preparation: of raw features.
        layers: hidden ones.
        true_bias: whether the untrained network's score is the share of frauds; 0.5 if not.
        learning_rate: of Adam.
        weight_decay: decoupled from it, as in AdamW.
        cosine: whether the learning rate falls to 0 along a half cosine.
        batch: rows in a step.
        epochs: at most.
        patience: epochs without a better validation ROC AUC after which it ends, with the best
            weights; None for no early stopping.
        class_weights: how much more a fraud counts in the loss; None for alike.
        oversampled: whether half of each batch are frauds, drawn again and again.
        steps: in an epoch, where oversampled; None for as many as show each legitimate row once.
        refitted: whether, once judged, the network is fitted anew to all the rows, those that
            judged among them: the latest are the most alike to what comes next.
        published: what its author got.
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
