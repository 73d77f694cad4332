"""The cache folder, for files that can be recreated: jars, the twin, the demo's artifact."""

import os
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = "FRAUDSTREAM_CACHE"


def cache_folder(name: str) -> Path:
    """Return a folder of the cache, created if necessary.

    The cache is $FRAUDSTREAM_CACHE or the system's cache folder (on Linux
    `$XDG_CACHE_HOME/fraudstream` or `~/.cache/fraudstream`).
    """
    root = os.environ.get(VARIABLE)
    folder = (Path(root) if root else user_cache_path("fraudstream")) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
