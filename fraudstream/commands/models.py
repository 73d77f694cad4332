"""`fraudstream models`: the versions in a model store, and which of them serves."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.options import CONTEXT, json_option, model_option
from fraudstream.versions import VersionType, role_of, sentence, signature

if TYPE_CHECKING:
    from model.artifact.metadata import Metadata
    from model.store.history import HistoryEntry
    from model.store.store import ModelStore


version_argument = click.argument("version", type=VersionType())


@click.group(context_settings=CONTEXT)
def command() -> None:
    """List, show and promote the versions in a model store.

    A store is a folder of versions: artifacts that are never changed. One of them is the champion,
    which `detect` and the other commands use; another can be the challenger, the candidate to
    replace it. `fraudstream train` and `fraudstream threshold` add versions, and the history
    records which version became what, when, and by whom.

    \b
    Examples:
      fraudstream train
      fraudstream models list
      fraudstream models promote 2026-11-29.0c9d8e7f
      fraudstream models rollback
    """


@command.command("list", context_settings=CONTEXT, short_help="List the versions.")
@model_option
@json_option
def list_(model: Path, as_json: bool) -> None:
    """List the versions, by the day of training.

    Each line has the version, its role, its recipe and data, its threshold, and its metrics on
    held-out rows.

    \b
    Examples:
      fraudstream models list
      fraudstream models list --json | jq 'select(.role == "champion") | .threshold'
    """
    from model.artifact.load import load_metadata
    from model.errors import ArtifactError

    store = _store(model)
    found: list[tuple[str, Metadata | ArtifactError]] = []
    for name in store.versions():
        try:
            found.append((name, load_metadata(store.artifact(name))))
        except ArtifactError as error:
            found.append((name, error))
    if as_json:
        for name, metadata in found:
            _print_json(_fields(store, name, metadata))
        return

    from fraudstream.tables import print_table

    headers = ("version", "role", "recipe", "data", "threshold")
    metrics = ("average precision", "precision", "recall", "alerts a day")
    print_table(
        [_row(store, name, metadata) for name, metadata in found],
        headers=(*headers, *metrics),
        align="llllr",
    )


@command.command(context_settings=CONTEXT, short_help="Show a version.")
@version_argument
@model_option
@json_option
def show(version: str, model: Path, as_json: bool) -> None:
    """Show a version: its data, its threshold, its metrics, its roles.

    VERSION is a name as `list` shows it, or champion, or challenger.

    \b
    Examples:
      fraudstream models show champion
      fraudstream models show 2026-11-28.5e1f0a2b --json | jq .held_out
    """
    from model.artifact.load import load_metadata

    store = _store(model)
    folder = store.artifact(version)
    metadata = load_metadata(folder)
    entries = [entry for entry in store.history() if entry.version == folder.name]
    if as_json:
        history = [_entry_fields(entry) for entry in entries]
        _print_json(_fields(store, folder.name, metadata) | {"history": history})
        return

    from fraudstream.tables import print_table
    from model.evaluation.evaluate import metrics_text

    lines = {
        "version": metadata.model_version,
        "role": role_of(store, folder.name) or "none",
        "trained": f"{metadata.created:%Y-%m-%d %H:%M} UTC",
        "recipe": metadata.recipe,
        "data": metadata.source.name,
        "threshold is": metadata.threshold_policy,
        **dict(metrics_text(metadata.held_out)),
        "model card": str(folder / "README.md"),
    }
    print_table(lines.items())
    for entry in entries:
        click.echo(f"{_time(entry)}: {sentence(entry)}")


@command.command(context_settings=CONTEXT, short_help="Make a version the champion.")
@version_argument
@model_option
def promote(version: str, model: Path) -> None:
    """Make a version the champion.

    VERSION is a name as `list` shows it, or challenger; a promoted challenger is no challenger any
    more. A detector that is running keeps its version until it is restarted.

    \b
    Examples:
      fraudstream models promote 2026-11-29.0c9d8e7f
      fraudstream models promote challenger
    """
    click.echo(sentence(_store(model).promote(version, **signature())))


@command.command(context_settings=CONTEXT, short_help="Return to the champion before.")
@model_option
def rollback(model: Path) -> None:
    """Make the champion's predecessor the champion again; once more goes back further.

    \b
    Example:
      fraudstream models rollback
    """
    click.echo(sentence(_store(model).rollback(**signature())))


@command.command(context_settings=CONTEXT, short_help="Make a version the challenger.")
@version_argument
@model_option
def challenge(version: str, model: Path) -> None:
    """Make a version the challenger: the candidate to become the champion.

    \b
    Example:
      fraudstream models challenge 2026-11-29.0c9d8e7f
    """
    click.echo(sentence(_store(model).challenge(version, **signature())))


@command.command(context_settings=CONTEXT, short_help="List who promoted what, and when.")
@model_option
@json_option
def history(model: Path, as_json: bool) -> None:
    """List which version became what, when, and by whom; the oldest entry first.

    \b
    Examples:
      fraudstream models history
      fraudstream models history --json | jq 'select(.action == "rollback")'
    """
    entries = _store(model).history()
    if as_json:
        for entry in entries:
            _print_json(_entry_fields(entry))
        return

    from fraudstream.tables import print_table

    rows = [
        (_time(entry), entry.action, entry.role, entry.version, entry.previous or "", entry.by)
        for entry in entries
    ]
    print_table(rows, headers=("time", "action", "role", "version", "before", "by"))


@command.command(context_settings=CONTEXT, short_help="Copy an artifact into the store.")
@click.argument("artifact", type=click.Path(path_type=Path))
@model_option
def add(artifact: Path, model: Path) -> None:
    """Copy the folder of an artifact into the store; the first version becomes champion.

    The store is created if it does not exist.

    \b
    Example:
      fraudstream models add artifact --model models
    """
    from model.store.store import ModelStore

    metadata = ModelStore.create(model).copy_in(artifact, **signature())
    click.echo(f"{metadata.model_version} is in {model}.")


def _store(folder: Path) -> "ModelStore":
    from model.store.store import ModelStore

    return ModelStore.open(folder)


def _time(entry: "HistoryEntry") -> str:
    return f"{entry.time:%Y-%m-%d %H:%M:%S}"


def _row(store: "ModelStore", name: str, metadata: "Metadata | Exception") -> tuple[str, ...]:
    from model.evaluation.threshold import as_text

    role = role_of(store, name)
    if isinstance(metadata, Exception):
        return name, role, f"unusable: {metadata}", "", "", "", "", "", ""
    held_out = metadata.held_out
    return (
        name,
        role,
        metadata.recipe,
        metadata.source.name,
        as_text(metadata.threshold),
        f"{held_out.average_precision:.4f}",
        f"{held_out.precision:.4f}",
        f"{held_out.recall:.4f}",
        f"{held_out.alerts_a_day:,.1f}",
    )


def _fields(store: "ModelStore", name: str, metadata: "Metadata | Exception") -> dict[str, Any]:
    """Return a version as JSON: its role, and its metadata without long lists."""
    import msgspec

    fields: dict[str, Any] = {"version": name, "role": role_of(store, name) or None}
    if isinstance(metadata, Exception):
        return fields | {"error": str(metadata)}
    left_out = {"model_version", "sample", "history", "reference", "feature_names", "curve"}
    about = msgspec.to_builtins(metadata).items()
    return fields | {field: value for field, value in about if field not in left_out}


def _entry_fields(entry: "HistoryEntry") -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return fields


def _print_json(fields: dict[str, Any]) -> None:
    import msgspec

    click.echo(msgspec.json.encode(fields))
