"""The cache folder, for files that can be recreated: jars, the twin, the demo's artifact."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from errors import FraudstreamError

VARIABLE = "FRAUDSTREAM_CACHE"


class CacheError(FraudstreamError):
    """A file or folder of the cache cannot be created.

    Args:
        path: of it.
        error: the reason.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be created in the cache: {error.strerror or error}.",
            hint=f"The environment variable {VARIABLE} names another folder for the cache.",
        )


def cache_folder(name: str) -> Path:
    """Return a folder of the cache, created if necessary.

    The cache is $FRAUDSTREAM_CACHE or the system's cache folder (on Linux
    `$XDG_CACHE_HOME/fraudstream` or `~/.cache/fraudstream`).

    Raises:
        CacheError: it cannot be created.
    """
    root = os.environ.get(VARIABLE)
    folder = (Path(root) if root else user_cache_path("fraudstream")) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheError(folder, error) from None
    return folder
