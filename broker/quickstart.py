"""Faster starts of Kafka with the JVM's AOT cache: an archive of loaded and linked classes.

Without it the JVM spends most of a start reading and verifying 9,000 classes. The JVM creates the
archive itself (JEP 483 and 514, Java 24 and later): one training run, one run that writes. If
that fails, Kafka just starts more slowly.
"""

import contextlib
import hashlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from broker.errors import StartError
from broker.java import OPTIONS, java_version, start_java
from broker.node import Node

# Classes only, no machine code: the JVM sometimes confuses the cached code of call adapters and
# then warns ("Saved blob's name ... is different").
_CLASSES_ONLY = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching")
_ATTEMPTS = 3  # after as many failures on this machine, starts no longer try
_TRAINING_SECONDS = 60.0  # the shutdown of the training run takes 3 to 8 s
_WRITING_SECONDS = 120.0  # takes 4 to 7 s


def quick_options(
    cache: Path, class_path: Sequence[Path], *, remark: Callable[[str], None] = lambda _text: None
) -> tuple[str, ...]:
    """Return JVM options that use the archive, created on first use (15 to 25 s).

    Args:
        cache: folder for the archive (65 MB).
        class_path: Kafka's jars; the archive is valid for exactly these files.
        remark: called with a sentence when creation starts or fails.
    """
    archive = cache / f"kafka-{_fingerprint(class_path)}.aot"
    if not archive.exists():
        failures = archive.with_suffix(".failures")
        if failures.exists() and len(failures.read_bytes().splitlines()) >= _ATTEMPTS:
            return ()
        remark("Preparing Kafka for faster starts (only this time) ...")
        try:
            _create(archive, class_path)
        except (OSError, StartError, subprocess.SubprocessError) as error:
            reason = str(error).replace("\n", " | ")
            remark(f"The preparation failed; Kafka starts more slowly without it: {reason}")
            with contextlib.suppress(OSError), failures.open("a", encoding="utf-8") as lines:
                lines.write(f"{reason}\n")
            return ()
    return (*_CLASSES_ONLY, f"-XX:AOTCache={archive}")


def _create(archive: Path, class_path: Sequence[Path]) -> None:
    """Create the archive atomically, and remove archives of other versions."""
    with TemporaryDirectory(prefix=".preparing-", dir=archive.parent) as name:
        folder = Path(name)
        configuration, fresh = folder / "configuration", folder / "archive"
        Node(folder, class_path).format()
        record = ("-XX:AOTMode=record", f"-XX:AOTConfiguration={configuration}")
        node = Node(folder, class_path, options=record)
        try:
            node.start()
        finally:
            node.stop(_TRAINING_SECONDS)
        write = (*_CLASSES_ONLY, "-XX:AOTMode=create", f"-XX:AOTConfiguration={configuration}")
        with (folder / "writing.log").open("wb") as log:
            writing = start_java(class_path, (), options=(*write, f"-XX:AOTCache={fresh}"), log=log)
        try:
            subprocess.CompletedProcess((), writing.wait(_WRITING_SECONDS)).check_returncode()
        finally:
            writing.kill()
            writing.wait()
        for old in archive.parent.glob("kafka-*.aot"):
            old.unlink()
        fresh.replace(archive)


def _fingerprint(class_path: Sequence[Path]) -> str:
    """Hash everything the JVM validates in an archive: its own version, options and jars."""
    digest = hashlib.sha256(repr((java_version(), OPTIONS, _CLASSES_ONLY)).encode())
    for path in class_path:
        status = path.stat()
        digest.update(repr((path.name, status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()[:16]
