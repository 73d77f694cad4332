"""The history of a store: which version became what, when, and by whom; one JSON line each."""

import logging
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from model.disk import sync

logger = logging.getLogger(__name__)


class Role(StrEnum):
    """What a version can be; each role is a link in the store's folder."""

    CHAMPION = "champion"
    """Raises the alerts."""

    CHALLENGER = "challenger"
    """A candidate to become the champion."""


class Action(StrEnum):
    """Why a version took its role."""

    PROMOTE = "promote"
    """It was made champion."""

    ROLLBACK = "rollback"
    """It was champion before, and its successor was withdrawn."""

    CHALLENGE = "challenge"
    """It was made challenger."""


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A version took a role.

    Attributes:
        time: when.
        action: why.
        role: that it took.
        version: its name.
        previous: the version that had the role before; None if none had.
        by: who did it, for people.
    """

    time: datetime
    action: Action
    role: Role
    version: str
    previous: str | None
    by: str


class History:
    """An append-only file of entries.

    A process or a machine that dies while it appends leaves a torn last line, which later entries
    do not touch: each begins on a line of its own.

    Args:
        path: of the file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, entry: HistoryEntry) -> None:
        """Append an entry with one write, and sync it to disk.

        Raises:
            OSError: it cannot be written.
        """
        line = msgspec.json.encode(entry) + b"\n"
        is_new = not self._path.exists()
        with self._path.open("ab+", buffering=0) as file:
            if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                line = b"\n" + line
            file.write(line)
            os.fsync(file.fileno())
        if is_new:
            sync(self._path.parent)

    def entries(self) -> list[HistoryEntry]:
        """Return the entries, the oldest first; damaged lines are logged and skipped.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        entries = []
        for number, line in enumerate(lines, start=1):
            try:
                entries.append(msgspec.json.decode(line, type=HistoryEntry))
            except (msgspec.DecodeError, UnicodeDecodeError):
                logger.warning("Line %d of %s is damaged and is skipped.", number, self._path)
        return entries


def previous_champion(entries: list[HistoryEntry], current: str) -> str | None:
    """Return the champion before the current one, or None.

    Promotions and rollbacks are a stack, so a second rollback goes back further instead of
    returning to the version that the first one withdrew. An entry whose process died before it
    moved the link did not take effect: the next one does not name its version as the previous one.
    """
    champions: list[str] = []

    def reach(version: str) -> None:
        """Drop what is above a version's highest place, or add the version."""
        if version not in champions:
            champions.append(version)
        while champions[-1] != version:
            champions.pop()

    for entry in entries:
        if entry.action is Action.PROMOTE:
            if entry.previous is not None:
                reach(entry.previous)
            champions.append(entry.version)
        elif entry.action is Action.ROLLBACK:
            reach(entry.version)
    reach(current)
    champions.pop()
    return champions[-1] if champions else None
