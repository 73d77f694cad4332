"""The model card: what a person should know before trusting the scores."""

import json
from collections.abc import Sequence

from model.evaluation import Evaluation, figures_table
from model.gallery import Rendered
from model.metadata import Metadata, Source
from model.recipes import RECIPES

_KINDS = {
    True: (
        "**Every number below comes from synthetic transactions.** The rows were drawn from a "
        "generator fitted on real ones; they are no record of anybody's purchases, and figures on "
        "real transactions will differ."
    ),
    False: (
        "The rows are real: two days of European card payments of September 2013, their features "
        "made anonymous by their publishers (Machine Learning Group of ULB and Worldline)."
    ),
    None: (
        "The rows came from a file that is not the published creditcard.csv; whether they are "
        "real or synthetic is not known here."
    ),
}

_HELD_OUT = {
    "later": "The last {rows:,} rows in the order of time, with {frauds:,} frauds, were held out.",
    "random": (
        "{rows:,} rows, drawn at random, with {frauds:,} frauds, were held out. A network that is "
        "judged so has seen what came after the transactions that judge it: on later ones it will "
        "do worse."
    ),
}
_HELD_OUT["stratified"] = _HELD_OUT["random"]


def card(metadata: Metadata, pictures: Sequence[Rendered] = ()) -> str:
    """Return the model card in Markdown, with the front matter that Hugging Face reads.

    Args:
        metadata: of the network.
        pictures: those that lie in `pictures/` beside it.
    """
    figures, recipe = metadata.held_out, RECIPES[metadata.recipe]
    return f"""{_front_matter(metadata)}
# fraudstream {metadata.model_version}

Gives a credit-card transaction a score between 0 and 1; at or above {metadata.threshold:.4f} it is
flagged as fraud.

## Data

{_KINDS[metadata.source.synthetic]}

Trained on {metadata.source.name}: {metadata.rows:,} rows{_standing_for(metadata)} with
{metadata.frauds:,} frauds (SHA-256 `{metadata.source.sha256}`), by the recipe `{metadata.recipe}`:
{recipe.summary}. Source: {recipe.source}.

{_HELD_OUT[recipe.test].format(rows=figures.rows, frauds=figures.frauds)}{_refitted(metadata)}
{_shown(pictures, "class-balance", "distributions")}
## Figures on the held-out transactions

{_table(figures)}

The threshold is {metadata.threshold_policy}. As it was chosen on the rows that precision and
recall are given for, those two flatter it a little. The interval comes from resampling these rows;
with so few frauds it is wide, and two models whose intervals overlap much may be equally good.
{_shown(pictures, "evaluation", "confusion")}
## Use

Input: float32 `[n, {len(metadata.feature_names)}]`, raw values in this order:
{", ".join(metadata.feature_names)}. Preprocessing is inside the network. Output: float32 `[n, 1]`.

```
fraudstream detect --model FOLDER
```

`metadata.json` holds a sample of rows with the scores that a faithful copy gives them.

## Training

Seed {metadata.seed}, {metadata.epochs} epochs; {_versions(metadata)}.
{_shown(pictures, "network", "history")}
{_history(metadata)}

## Limits

Whether a score is a probability of fraud, the calibration error above tells. It knows patterns of
the transactions it was trained on and none that came later; what is done to a flagged cardholder is
for people to decide.
"""


def _shown(pictures: Sequence[Rendered], *names: str) -> str:
    """Return those of the pictures that have these names, for whichever background."""
    return "".join(
        f"""
<picture>
<source media="(prefers-color-scheme: dark)" srcset="pictures/{it.name}-dark.png">
<img alt="{it.caption}" src="pictures/{it.name}-light.png">
</picture>
"""
        for it in pictures
        if it.name in names
    )


def _refitted(metadata: Metadata) -> str:
    if not metadata.refitted:
        return ""
    return (
        " They judged a network that had learned from the rows before them; the one in this folder "
        "was then fitted anew to all rows, in the same way."
    )


def _history(metadata: Metadata) -> str:
    """Return the table of epochs: loss and counts on the rows that were only looked at."""
    heads = {
        "loss": "loss",
        "val_loss": "validation loss",
        "val_true_positives": "frauds found",
        "val_false_negatives": "frauds missed",
        "val_false_positives": "false alarms",
        "val_roc_auc": "ROC AUC",
    }
    lines = [
        f"| epoch | {' | '.join(heads.values())} |",
        f"|---:|{'---:|' * len(heads)}",
    ]
    for number, epoch in enumerate(metadata.history, start=1):
        cells = (
            f"{epoch[name]:,.0f}"
            if "positives" in name or "negatives" in name
            else f"{epoch[name]:.6f}"
            for name in heads
        )
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _table(figures: Evaluation) -> str:
    rows = [f"| {name} | {value} |" for name, value in figures_table(figures)]
    return "\n".join(["| figure | value |", "|---|---|", *rows])


def _standing_for(metadata: Metadata) -> str:
    if metadata.transactions == metadata.rows:
        return ""
    return f", which stand for {metadata.transactions:,.0f} transactions,"


def _front_matter(metadata: Metadata) -> str:
    """Return the YAML block; JSON strings are valid YAML and quote whatever a name holds."""
    figures = metadata.held_out
    metrics = "".join(
        f"\n          - type: {kind}\n            name: {name}\n            value: {value:.6f}"
        for kind, name, value in (
            ("average_precision", "Average precision", figures.average_precision),
            ("roc_auc", "ROC AUC", figures.roc_auc),
            ("precision", "Precision at the threshold", figures.precision),
            ("recall", "Recall at the threshold", figures.recall),
        )
    )
    return f"""---
library_name: keras
license: apache-2.0
pipeline_tag: tabular-classification
tags:
  - fraud-detection
  - tabular-classification{_synthetic_tag(metadata.source)}
model-index:
  - name: {json.dumps("fraudstream " + metadata.model_version)}
    results:
      - task:
          type: tabular-classification
          name: Credit-card fraud detection
        dataset:
          type: creditcard
          name: {json.dumps(_dataset_name(metadata.source))}
        metrics:{metrics}
---
"""


def _synthetic_tag(source: Source) -> str:
    return "\n  - synthetic" if source.synthetic else ""


def _dataset_name(source: Source) -> str:
    return f"{source.name}{' (synthetic)' if source.synthetic else ''}, last transactions"


def _versions(metadata: Metadata) -> str:
    return ", ".join(f"{name} {version}" for name, version in metadata.versions.items())
