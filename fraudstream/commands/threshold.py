"""`fraudstream threshold`: a new version of the same network, with another threshold."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.options import (
    CONTEXT,
    InputFile,
    PolicyType,
    json_option,
    model_option,
    option,
    weights_option,
)
from fraudstream.versions import VersionType, sentence, signature

if TYPE_CHECKING:
    from model.artifact.metadata import Metadata
    from model.evaluation.results import OperatingPoint
    from model.evaluation.threshold import Policy
    from model.store.store import ModelStore
    from model.threshold_change import ThresholdChange


@click.command(context_settings=CONTEXT)
@click.argument("version", type=VersionType(), default="champion")
@option(
    "--policy",
    type=PolicyType(),
    required=True,
    show_default=False,
    help="How the threshold is chosen: cost:REVIEW, precision:SHARE, recall:SHARE, "
    "alerts-per-day:NUMBER, f1, or the threshold itself.",
)
@option(
    "--data",
    type=InputFile(),
    show_default="the held-out rows of the training",
    help="Labelled rows to choose the threshold on: creditcard.csv, or a file of its columns.",
)
@weights_option
@option("--promote/--no-promote", default=False, help="Make the new version the champion.")
@model_option
@json_option
def command(
    version: str,
    policy: "Policy",
    data: Path | None,
    weights: Path | None,
    promote: bool,
    model: Path,
    as_json: bool,
) -> None:
    """Change the threshold of VERSION: add a version with the same network to the store.

    Prints what changes: alerts a day, precision, recall and amounts before and after, on labelled
    rows, or else on those that were held out from the training. The old version is not changed, so
    `fraudstream models rollback` undoes a promotion.

    \b
    Examples:
      fraudstream threshold --policy alerts-per-day:100
      fraudstream threshold --policy cost:10 --data last-month.csv --promote
      fraudstream threshold 2026-11-28.5e1f0a2b --policy 0.5
    """
    if weights is not None and data is None:
        raise click.UsageError("--weights needs the --data that its lines belong to.")

    from model.artifact.load import load_metadata
    from model.artifact.metadata import HELD_OUT
    from model.store.store import ModelStore
    from model.threshold_change import change_threshold, write_version

    store = ModelStore.open(model)
    artifact = store.artifact(version)
    metadata = load_metadata(artifact)
    warning = None
    if data is None:
        change = change_threshold(metadata, policy)
    else:
        change, warning = _changed_on(data, weights, artifact, metadata, policy)
    name = store.equal_to(change.metadata)
    if name is None:
        with store.staging() as place:
            write_version(artifact, change.metadata, place)
            name = store.install(place, **signature()).model_version
    if warning:
        print(f"Warning: {warning}", file=sys.stderr)
    rows = data.name if data else HELD_OUT
    if as_json:
        _print_json(name, change, rows, warning)
    else:
        _print((artifact.name, name), change, rows)
    if promote:
        entry = store.promote(name, **signature())
        print(f"\n{sentence(entry)}", file=sys.stderr if as_json else sys.stdout)
    elif not as_json:
        _print_next(store, artifact.name, name)


def _changed_on(
    data: Path, weights: Path | None, artifact: Path, metadata: "Metadata", policy: "Policy"
) -> "tuple[ThresholdChange, str | None]":
    """Return the change by labelled rows, and a warning if the network was trained on them."""
    from fraudstream.labelled_rows import labelled_rows, training_rows_warning
    from model.evaluation.curve import Scored
    from model.serving.scorer import Scorer
    from model.threshold_change import change_threshold

    rows = labelled_rows(data, weights)
    scorer = Scorer.load(artifact, runtime="keras")
    scored = Scored.of(rows, scorer.in_batches(rows.inputs))
    change = change_threshold(metadata, policy, scored, name=data.name)
    return change, training_rows_warning(metadata, rows, data)


def _print_json(version: str, change: "ThresholdChange", rows: str, warning: str | None) -> None:
    import msgspec

    fields = {"version": version, "before": change.before, "after": change.after}
    click.echo(msgspec.json.encode({**fields, "rows": rows, "warning": warning}))


def _print(names: tuple[str, str], change: "ThresholdChange", rows: str) -> None:
    from fraudstream.tables import print_table

    before, after = _metrics(change.before), _metrics(change.after)
    lines = [(metric, before[metric], after[metric]) for metric in before]
    print_table(
        [("version", *names), *lines], headers=(f"on {rows}", "before", "after"), align="lr"
    )


def _print_next(store: "ModelStore", old: str, new: str) -> None:
    from model.store.history import Role

    if old == new:
        click.echo(f"\n{old} has this threshold already.")
    elif store.version_in(Role.CHAMPION) != new:
        click.echo(f"\nNext: fraudstream models promote {new} --model {store.folder}")


def _metrics(point: "OperatingPoint") -> dict[str, str]:
    from model.evaluation.threshold import as_text

    return {
        "policy": point.policy,
        "threshold": as_text(point.threshold or 0.0),
        "alerts a day": f"{point.alerts_a_day:,.1f}",
        "precision": f"{point.precision:.4f}",
        "recall": f"{point.recall:.4f}",
        "fraud amount caught": f"{point.amount_caught:,.2f}",
        "fraud amount missed": f"{point.amount_missed:,.2f}",
    }
