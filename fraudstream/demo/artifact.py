"""The demo's model: trained once on the twin, then kept in the cache."""

import fcntl
import hashlib
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from broker.process import start_tied
from fraudstream.cache import CacheError, cache_folder
from fraudstream.demo.errors import ServiceFailedError
from model.store.location import artifact_in

LIBRARIES = ("keras", "tensorflow", "jax", "torch", "onnx", "onnxruntime", "numpy")
"""Packages that compute a network's scores; other versions may not load it, or score otherwise."""

_REJECTED = 3
_CHECK = f"""
import sys
from pathlib import Path
from model.errors import ArtifactError
from model.serving.scorer import Scorer
try:
    Scorer.load(Path(sys.argv[1]))
except ArtifactError:
    sys.exit({_REJECTED})
"""


def cached_artifact() -> Path:
    """Return the folder where the artifact is, or will be.

    Its name is a hash of the code, the twin's parameters and the versions of the libraries, so an
    artifact of other code or libraries is never used.
    """
    digest = hashlib.sha256()
    for package in ("model", "dataset"):
        for file in sorted(Path(str(files(package))).rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.name.encode())
                digest.update(file.read_bytes())
    digest.update(repr((platform.machine(), *map(_version, LIBRARIES))).encode())
    return cache_folder("artifacts") / digest.hexdigest()[:16]


def ensure_artifact(folder: Path, remark: Callable[[str], None]) -> bool:
    """Train the artifact unless it is there; return whether it was trained now.

    Of several demos at once, one trains, and the others wait for its artifact.

    Args:
        folder: of the artifact.
        remark: called with a sentence before the training.

    Raises:
        CacheError: the cache cannot be written.
        ServiceFailedError: training failed, and has printed the reason on stderr.
    """
    if folder.exists():  # then the cache may be read-only
        return False
    with _locked(folder):
        if folder.exists():
            return False
        remark("Training the model on the twin, once ...")
        train_artifact(folder)
        return True


def discard_if_rejected(folder: Path) -> bool:
    """Remove the artifact if it cannot be loaded, or scores otherwise than when it was trained.

    A process of its own loads it, so that this one does not import TensorFlow.

    Returns:
        Whether it was removed.
    """
    check = start_tied([sys.executable, "-c", _CHECK, str(folder)], stderr=subprocess.DEVNULL)
    if check.wait() != _REJECTED:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def train_artifact(folder: Path) -> None:
    """Train on the twin in a process of its own, so that this one does not import TensorFlow.

    Raises:
        ServiceFailedError: training failed, and has printed the reason on stderr.
    """
    with TemporaryDirectory(dir=folder.parent) as store:
        _train_into(store)
        artifact_in(Path(store)).rename(folder)


def _train_into(store: str) -> None:
    command = [
        sys.executable,
        "-m",
        "fraudstream",
        "train",
        "--no-pictures",
        "--no-refit",  # half the time, and the demo replays no later transactions
        "--model",
        store,
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


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock on an artifact's name, after waiting for it."""
    path = folder.with_name(f"{folder.name}.lock")
    try:
        lock = path.open("wb")
    except OSError as error:
        raise CacheError(path, error) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
