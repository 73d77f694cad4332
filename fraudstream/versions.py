"""Versions of a model store on the command line: completed, signed, reported."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from fraudstream.author import author

if TYPE_CHECKING:
    from model.store.history import HistoryEntry
    from model.store.store import ModelStore


class VersionType(click.ParamType[str]):
    """A version in the store, or the name of a role."""

    name = "version"

    def shell_complete(
        self, context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the versions of the store, with their roles."""
        from model.errors import StoreError
        from model.store.store import ModelStore

        try:
            store = ModelStore.open(Path(context.params["model"]))
            return [
                CompletionItem(name, help=role_of(store, name))
                for name in store.versions()
                if name.startswith(incomplete)
            ]
        except StoreError:
            return []


def role_of(store: "ModelStore", version: str) -> str:
    """Return the role of a version; "" for none."""
    from model.store.history import Role

    return ", ".join(role for role in Role if store.version_in(role) == version)


def signature() -> dict[str, Any]:
    """Return who changes the store, and when: `by` and `now`."""
    return {"by": author(), "now": datetime.now(UTC).replace(microsecond=0)}


def sentence(entry: "HistoryEntry") -> str:
    """Return what an entry of the history records, as a sentence."""
    before = f", in place of {entry.previous}" if entry.previous else ""
    return f"{entry.version} is the {entry.role} now{before}."
