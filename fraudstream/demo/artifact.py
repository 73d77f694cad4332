"""The demo's model: trained once on the twin, then kept in the cache."""

import hashlib
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from broker.process import start_tied
from fraudstream.cache import cache_folder
from fraudstream.demo.errors import ServiceFailedError


def cached_artifact() -> Path:
    """Return the folder where the artifact is, or will be.

    Its name is a hash of the code and the twin's parameters, so an artifact of other code is never
    used.
    """
    digest = hashlib.sha256()
    for package in ("model", "dataset"):
        for file in sorted(Path(str(files(package))).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.name.encode())
                digest.update(file.read_bytes())
    return cache_folder("artifacts") / digest.hexdigest()[:16]


def train_artifact(folder: Path) -> None:
    """Train on the twin in a process of its own, so that this one does not import TensorFlow.

    Raises:
        ServiceFailedError: training failed, and has printed the reason on stderr.
    """
    command = [
        sys.executable,
        "-m",
        "fraudstream",
        "train",
        "--no-pictures",
        "--no-refit",  # half the time, and the demo replays no later transactions
        "--model",
        str(folder),
    ]
    training = start_tied(command, stdout=subprocess.DEVNULL)
    try:
        code = training.wait()
    except KeyboardInterrupt:
        training.send_signal(signal.SIGINT)  # training cleans up before it exits
        training.wait()
        raise
    if code != 0:
        raise ServiceFailedError(f"fraudstream train ended with exit code {code}.")
