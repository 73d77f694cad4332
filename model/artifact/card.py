"""The model card: what a person should know before trusting the scores."""

import json
from collections.abc import Sequence

from model.artifact.card_tables import epochs, evaluation, hyperparameters, policies
from model.artifact.metadata import DataSource, Metadata
from model.evaluation.threshold import as_text
from model.plots.gallery import Rendered
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
        "do worse. Alerts a day are counted among these rows alone, a fifth of each day's."
    ),
}
_HELD_OUT["stratified"] = _HELD_OUT["random"]

_SPLITS = {
    "later": "last fifth in time",
    "random": "random fifth",
    "stratified": "stratified random fifth",
}


def card(metadata: Metadata, pictures: Sequence[Rendered] = ()) -> str:
    """Return the model card in Markdown, with the front matter that Hugging Face reads.

    Args:
        metadata: of the network.
        pictures: those that lie in `pictures/` beside it.
    """
    figures, recipe = metadata.held_out, RECIPES[metadata.recipe]
    return f"""{_front_matter(metadata)}
# fraudstream {metadata.model_version}

Gives a credit-card transaction a score between 0 and 1; at or above
{as_text(metadata.threshold)} it is flagged as fraud.

## Intended use

To show people, out of a stream of card payments, the few that are worth a look; and to study how
networks learn from classes as rare as frauds, beside what others published on the same data set.

```
fraudstream detect --model FOLDER
```

Input: float32 `[n, {len(metadata.feature_names)}]`, raw values in this order:
{", ".join(metadata.feature_names)}. Preprocessing is inside the network. Output: float32 `[n, 1]`.
`metadata.json` holds a sample of rows with the scores that a faithful copy gives them.

## Out-of-scope use

- To refuse a payment or to block a card without a person's look at it.
- Payments of other issuers: V1 to V28 are principal components that only the publishers of the data
  set can compute. A network for other payments has to be trained on them.
- To judge a person: what is scored is one transaction, without its cardholder's history.

## Training data

{_KINDS[metadata.source.synthetic]}

Trained on {metadata.source.name}: {metadata.rows:,} rows{_standing_for(metadata)} with
{metadata.frauds:,} frauds (SHA-256 `{metadata.source.sha256}`), by the recipe `{metadata.recipe}`:
{recipe.summary}. Source: {recipe.source}.

{_HELD_OUT[recipe.test].format(rows=figures.rows, frauds=figures.frauds)}{_refitted(metadata)}
{_shown(pictures, "class-balance", "distributions")}
## Training

{hyperparameters(metadata, recipe)}

{_versions(metadata)}.
{_shown(pictures, "network", "bias", "history")}
{epochs(metadata.history)}

## Evaluation

On the held-out transactions:

{evaluation(figures)}

The threshold is {metadata.threshold_policy}. As it was chosen on the rows that precision and
recall are given for, those two flatter it a little. The interval comes from resampling these rows;
with so few frauds it is wide, and two models whose intervals overlap much may be equally good.
{_shown(pictures, "evaluation", "confusion", "roc", "precision-recall")}
What other policies of `fraudstream train --policy` would choose on the same rows:

{policies(metadata.operating_points)}
{_shown(pictures, "operating-curve")}
## Limits and bias

- It knows the patterns of the transactions it was trained on, and none that came later: fraud
  changes, so its figures on today's payments will be others.
- Frauds are those that were found and reported; others count as legitimate, in training and here.
- The features are anonymous and tell nothing of the cardholders, so whether it errs more often with
  some groups of people than with others cannot be known from these data.
- Whether a score is a probability of fraud, the calibration error above tells.
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
          split: {_SPLITS[RECIPES[metadata.recipe].test]}
        metrics:{metrics}
---
"""


def _synthetic_tag(source: DataSource) -> str:
    return "\n  - synthetic" if source.synthetic else ""


def _dataset_name(source: DataSource) -> str:
    return f"{source.name}{' (synthetic)' if source.synthetic else ''}"


def _versions(metadata: Metadata) -> str:
    return ", ".join(f"{name} {version}" for name, version in metadata.versions.items())
