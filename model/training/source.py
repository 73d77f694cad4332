"""Describe a data file for an artifact's metadata."""

from pathlib import Path

from dataset.columns import SHA256
from dataset.reader import sha256
from model.artifact.metadata import DataSource


def describe(data: Path) -> DataSource:
    """Return a file's source: the published file is recognised by its checksum, no other is.

    Raises:
        ReadError: the file cannot be read.
    """
    checksum = sha256(data)
    return DataSource(
        name=data.name, sha256=checksum, synthetic=False if checksum == SHA256 else None
    )
