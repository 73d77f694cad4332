"""Where what can be made again is kept: jars, twins of the data set, the demo's artifact."""

import os
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = "FRAUDSTREAM_CACHE"


def cache_folder(name: str) -> Path:
    """Return the cache's folder of that name, made if need be.

    It lies in $FRAUDSTREAM_CACHE, or else where the system keeps caches (on Linux
    `$XDG_CACHE_HOME/fraudstream` or `~/.cache/fraudstream`).
    """
    root = os.environ.get(VARIABLE)
    folder = (Path(root) if root else user_cache_path("fraudstream")) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
