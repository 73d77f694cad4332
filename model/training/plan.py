"""The choices of a training."""

from dataclasses import dataclass, field

from model.errors import TrainingError
from model.evaluation.threshold import Policy
from model.recipes.champion import CHAMPION
from model.recipes.recipe import Recipe
from model.serving.backend import Device


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The choices of a training.

    Attributes:
        recipe: what is trained, and how.
        policy: how the threshold is chosen.
        seed: of all randomness.
        epochs: at most; None for as many as the recipe says.
        refit: whether, once evaluated, a network is trained on all rows; None for as the recipe
            says.
        prior: share of frauds among the transactions to score, where the rows do not have it;
            scores, metrics and threshold are corrected for it. None for the rows' own.
        device: where it computes.
        plots: whether the artifact has plots.

    Raises:
        TrainingError: there would be no epoch, or the prior is not between 0 and 1.
    """

    recipe: Recipe = CHAMPION
    policy: Policy = field(default_factory=Policy)
    seed: int = 1
    epochs: int | None = None
    refit: bool | None = None
    prior: float | None = None
    device: Device = "auto"
    plots: bool = False

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 1:
            raise TrainingError(f"{self.epochs} epochs are too few; training needs at least 1.")
        if self.prior is not None and not 0 < self.prior < 1:
            raise TrainingError(f"A share of frauds of {self.prior:g} is not between 0 and 1.")

    @property
    def refits(self) -> bool:
        """Whether a network is trained on all rows, once one was evaluated."""
        return self.recipe.refitted if self.refit is None else self.refit
