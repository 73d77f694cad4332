"""The model card: facts to know before trusting the scores."""

import json
from collections.abc import Sequence

from model.artifact.card_tables import epochs, evaluation, hyperparameters, policies
from model.artifact.files import PLOTS
from model.artifact.metadata import HELD_OUT, DataSource, Metadata
from model.evaluation.prevalence import (
    USUAL_SHARE,
    few_rows_warning,
    fraud_share,
    precision_at,
    share_warning,
)
from model.evaluation.threshold import as_text
from model.plots.plot import RenderedPlot
from model.recipes import RECIPES

_KINDS = {
    True: (
        "**Every number below comes from synthetic transactions.** The rows were drawn from a "
        "generator fitted to real ones; they are no record of anybody's purchases, and metrics on "
        "real transactions will differ."
    ),
    False: (
        "The rows are real: two days of European card payments of September 2013, with features "
        "anonymised by their publishers (Machine Learning Group of ULB and Worldline)."
    ),
    None: (
        "The rows came from a file that is not the published creditcard.csv; whether they are "
        "real or synthetic is unknown."
    ),
}

_HELD_OUT = {
    "later": "The last {rows:,} rows in the order of time, with {frauds:,} frauds, were held out.",
    "random": (
        "{rows:,} rows, drawn at random, with {frauds:,} frauds, were held out. So the evaluated "
        "network was trained on transactions later than those it is evaluated on; on future ones "
        "it will do worse. Alerts a day are counted among the held-out rows alone, a fifth of "
        "each day's."
    ),
}
_HELD_OUT["stratified"] = _HELD_OUT["random"]

_SPLITS = {
    "later": "last fifth in time",
    "random": "random fifth",
    "stratified": "stratified random fifth",
}


def card(metadata: Metadata, plots: Sequence[RenderedPlot] = ()) -> str:
    """Return the model card in Markdown, with the front matter that Hugging Face reads.

    Args:
        metadata: of the network.
        plots: in the artifact.
    """
    held_out, recipe = metadata.held_out, RECIPES[metadata.recipe]
    return f"""{_front_matter(metadata)}
# fraudstream {metadata.model_version}

Gives each credit-card transaction a score between 0 and 1; at or above
{as_text(metadata.threshold)} it is flagged as fraud.{_same_network(metadata)}

## Intended use

To select, from a stream of card payments, the few that people should review; and to study how
networks learn from classes as rare as fraud, compared with published results on the same data set.

```
fraudstream detect --model FOLDER
```

Input: float32 `[n, {len(metadata.feature_names)}]`, raw values in this order:
{", ".join(metadata.feature_names)}. Preprocessing is inside the network. Output: float32 `[n, 1]`.
`metadata.json` holds a sample of rows with the scores that an intact copy gives them. `model.keras`
is the network; `model.onnx`, if it is there, is derived from it, for CPUs without TensorFlow.

## Out-of-scope use

- Declining payments or blocking cards without review by a person.
- Payments of other issuers: V1 to V28 are principal components that only the publishers of the data
  set can compute. A network for other payments has to be trained on them.
- Judging persons: a score is about one transaction, without its cardholder's history.

## Training data

{_KINDS[metadata.source.synthetic]}

Trained on {metadata.source.name}: {metadata.rows:,} rows{_representing(metadata)} with
{metadata.frauds:,} frauds (SHA-256 `{metadata.source.sha256}`), by the recipe `{metadata.recipe}`:
{recipe.summary}. Source: {recipe.source}.

{_HELD_OUT[recipe.test].format(rows=held_out.rows, frauds=held_out.frauds)}{_refitted(metadata)}
{_share(metadata)}
{_shown(plots, "class-balance", "distributions")}
## Training

{hyperparameters(metadata, recipe)}

{_versions(metadata)}.
{_shown(plots, "network", "bias", "history")}
{epochs(metadata.history)}

## Evaluation

On the held-out transactions:

{evaluation(held_out)}

The threshold is {metadata.threshold_policy}.{_chosen_on(metadata)}
The interval comes from resampling these rows; with so few frauds it is wide, and two models whose
intervals overlap much may be equally good.
{_shown(plots, "evaluation", "confusion", "roc", "precision-recall")}
Thresholds that other policies (`fraudstream train --policy`) would choose on the same rows:

{policies(metadata.operating_points)}
{_shown(plots, "operating-curve")}
## Limits and bias

- The network knows the patterns of the transactions it was trained on, and no later ones: fraud
  changes, so its metrics on today's payments will differ.
- Frauds are those that were detected and reported; undetected ones count as legitimate, in training
  and here.
- The features are anonymised and say nothing about the cardholders, so these data cannot show
  whether the network errs more often for some groups of people than for others.
- The calibration error above shows how far scores are probabilities of fraud.
"""


def _shown(plots: Sequence[RenderedPlot], *names: str) -> str:
    """Return the plots of these names, each with an image for either background."""
    return "".join(
        f"""
<picture>
<source media="(prefers-color-scheme: dark)" srcset="{PLOTS}/{plot.name}-dark.png">
<img alt="{plot.caption}" src="{PLOTS}/{plot.name}-light.png">
</picture>
"""
        for plot in plots
        if plot.name in names
    )


def _same_network(metadata: Metadata) -> str:
    if metadata.same_network_as is None:
        return ""
    return (
        f" The network is that of {metadata.same_network_as}, whose model card has the plots; only "
        "the threshold differs."
    )


def _chosen_on(metadata: Metadata) -> str:
    if metadata.threshold_chosen_on is None:
        return ""
    if metadata.threshold_chosen_on == HELD_OUT:
        return (
            " It was chosen on the same rows that precision and recall are measured on, so both "
            "are slightly optimistic."
        )
    return f" It was chosen on {metadata.threshold_chosen_on}."


def _refitted(metadata: Metadata) -> str:
    if not metadata.refitted:
        return ""
    return (
        " The evaluated network was trained on the other rows; the one in this folder was then "
        "trained on all rows, in the same way."
    )


def _share(metadata: Metadata) -> str:
    """Return a paragraph where the rows do not have the share of frauds of real payments."""
    if metadata.prior is not None:
        return (
            f"\nScores, metrics and threshold are corrected for a share of frauds of "
            f"{metadata.prior:.3g} among the transactions to score: the log-odds of each score "
            "were shifted by the difference between the log-odds of that share and of the share "
            f"learned. {few_rows_warning(metadata.held_out, metadata.prior) or ''}\n"
        )
    warning = share_warning(fraud_share(metadata.held_out))
    if warning is None:
        return ""
    precision = precision_at(metadata.held_out, USUAL_SHARE)
    return (
        f"\n**{warning}** With {USUAL_SHARE:.2%} of frauds, precision at the threshold would be "
        f"{precision:.3f}.\n"
    )


def _representing(metadata: Metadata) -> str:
    if metadata.transactions == metadata.rows:
        return ""
    return f", representing {metadata.transactions:,.0f} transactions,"


def _front_matter(metadata: Metadata) -> str:
    """Return the YAML block; JSON strings are valid YAML, whatever characters a name has."""
    held_out = metadata.held_out
    metrics = "".join(
        f"\n          - type: {kind}\n            name: {name}\n            value: {value:.6f}"
        for kind, name, value in (
            ("average_precision", "Average precision", held_out.average_precision),
            ("roc_auc", "ROC AUC", held_out.roc_auc),
            ("precision", "Precision at the threshold", held_out.precision),
            ("recall", "Recall at the threshold", held_out.recall),
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
