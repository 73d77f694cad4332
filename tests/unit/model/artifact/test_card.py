"""The text and the tables of the model card."""

import re

import msgspec
import pytest

from model.artifact.card import card
from model.artifact.card_tables import EPOCHS_SHOWN, epochs, hyperparameters, policies
from model.evaluation.results import OperatingPoint
from model.recipes import RECIPES
from model.training.train import Trained


def cells(table: str) -> list[list[str]]:
    """Return the cells of a Markdown table, headers first, without the rule below them."""
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if not set("".join(row)) <= set("-:")]


def test_the_card_has_the_sections_of_a_model_card(trained: Trained) -> None:
    assert re.findall(r"^## (.*)$", card(trained.metadata), re.MULTILINE) == [
        "Intended use",
        "Out-of-scope use",
        "Training data",
        "Training",
        "Evaluation",
        "Limits and bias",
    ]


@pytest.mark.parametrize(
    ("recipe", "split"),
    [
        ("champion", "last fifth in time"),
        ("tensorflow-baseline", "random fifth"),
        ("prosise", "stratified random fifth"),
    ],
)
def test_the_front_matter_names_the_split(trained: Trained, recipe: str, split: str) -> None:
    front = card(msgspec.structs.replace(trained.metadata, recipe=recipe)).split("---\n")[1]
    assert f"          split: {split}\n" in front


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (
            "champion",
            {
                "features": "all, of them those with a Kolmogorov-Smirnov distance above 0.2 "
                "between the classes, logarithm of Amount + 1, standardised, clipped at 5 "
                "standard deviations, with piecewise-linear terms of 8 bins each",
                "hidden layers": "256 rectified linear units with dropout 0.3",
                "initial bias of the output": "log-odds of the share of frauds",
                "optimizer": "AdamW, weight decay 0.0001",
                "learning rate": "0.001, falling to 0 along a half cosine",
                "epochs": "6",
                "trained again on all rows, once evaluated": "yes",
                "seed": "3",
            },
        ),
        (
            "prosise",
            {
                "features": "all but Time",
                "hidden layers": "128 rectified linear units",
                "initial bias of the output": "0",
                "class weights": "equal",
                "optimizer": "Adam",
                "batch": "100",
            },
        ),
        (
            "tensorflow-oversampled",
            {
                "batch": "2,048, half of them frauds",
                "epochs": "6 of 20 steps; at most 1,000, stopped after 10 without a better "
                "validation ROC AUC, with the best epoch's weights",
            },
        ),
        ("tensorflow-weighted", {"class weights": "total / (2 x count)"}),
        ("keras-imbalanced", {"class weights": "1 / count"}),
    ],
)
def test_hyperparameters_are_the_recipes(
    trained: Trained, recipe: str, expected: dict[str, str]
) -> None:
    table = dict(cells(hyperparameters(trained.metadata, RECIPES[recipe])))
    assert expected.items() <= table.items()


def test_few_epochs_have_a_row_each(trained: Trained) -> None:
    history = trained.metadata.history
    numbers = [row[0] for row in cells(epochs(history))]
    assert numbers == ["epoch", *(str(number + 1) for number in range(len(history)))]


def test_of_many_epochs_the_first_the_best_and_the_last_are_shown() -> None:
    history = [{"loss": 1.0, "val_roc_auc": 0.5} for _ in range(233)]
    history[157]["val_roc_auc"] = 0.9
    caption, _, table = epochs(history).partition("\n\n")
    assert caption == "One in 6 of 233 epochs, with the first, the best and the last:"
    headers, *rows = cells(table)
    assert headers == ["epoch", "loss", "ROC AUC"]
    numbers = [int(row[0]) for row in rows]
    assert len(numbers) <= EPOCHS_SHOWN + 2
    assert {1, 6, 12, 158, 233} <= set(numbers)
    assert numbers == sorted(numbers)


def test_policies_are_listed_with_their_metrics() -> None:
    table = cells(
        policies(
            [
                OperatingPoint(
                    policy="f1", threshold=0.5, precision=0.8, recall=0.7, alerts_a_day=1234.5
                ),
                OperatingPoint(policy="precision:0.9", reason="No threshold reaches that."),
            ]
        )
    )
    assert table[1:] == [
        ["**f1** (chosen)", "0.5000", "0.8000", "0.7000", "1,234.5"],
        ["precision:0.9", "none: No threshold reaches that.", "", "", ""],
    ]


def test_the_card_lists_the_other_policies(trained: Trained) -> None:
    text = card(trained.metadata)
    assert "| **f1** (chosen) |" in text
    for policy in ("cost:10", "precision:0.9", "recall:0.8", "alerts-per-day:100"):
        assert f"| {policy} |" in text
