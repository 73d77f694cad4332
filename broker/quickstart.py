"""A quick start for Kafka: the JVM's archive of classes, loaded and linked ahead of time.

Without it the JVM spends most of a start on reading and verifying 9,000 classes. It makes the
archive itself (JEP 483 and 514, from Java 24 on): one run that records, one that writes. Where
that does not work out, Kafka just starts more slowly.
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

# Classes only, no machine code: the saved code of call adapters was seen to be taken for that of
# others ("Saved blob's name ... is different"), which the JVM notices and warns of.
_CLASSES_ONLY = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching")
_ATTEMPTS = 3  # a machine where it never works is not made to wait at each start
_RECORDING_SECONDS = 60.0  # an end that writes the recording takes 3 to 8 s
_WRITING_SECONDS = 120.0  # 4 to 7 s


def quick_options(
    cache: Path, class_path: Sequence[Path], *, remark: Callable[[str], None] = lambda _text: None
) -> tuple[str, ...]:
    """Return the JVM's options for a quick start; the first time, make the archive (15 to 25 s).

    Args:
        cache: folder for the archive (65 MB).
        class_path: Kafka's jars; the archive is good for these files alone.
        remark: told when the archive is being made.
    """
    archive = cache / f"kafka-{_fingerprint(class_path)}.aot"
    if not archive.exists():
        failures = archive.with_suffix(".failures")
        if failures.exists() and len(failures.read_bytes().splitlines()) >= _ATTEMPTS:
            return ()
        remark("Preparing Kafka for quick starts, this once ...")
        try:
            _make(archive, class_path)
        except (OSError, StartError, subprocess.SubprocessError) as error:
            reason = str(error).replace("\n", " | ")
            remark(f"That did not work out; Kafka starts without, more slowly: {reason}")
            with contextlib.suppress(OSError), failures.open("a", encoding="utf-8") as lines:
                lines.write(f"{reason}\n")
            return ()
    return (*_CLASSES_ONLY, f"-XX:AOTCache={archive}")


def _make(archive: Path, class_path: Sequence[Path]) -> None:
    """Write the archive whole or not at all, and remove those of other versions."""
    with TemporaryDirectory(prefix=".preparing-", dir=archive.parent) as name:
        folder = Path(name)
        recording, fresh = folder / "recording", folder / "archive"
        Node(folder, class_path).format()
        record = ("-XX:AOTMode=record", f"-XX:AOTConfiguration={recording}")
        node = Node(folder, class_path, options=record)
        try:
            node.start()
        finally:
            node.stop(_RECORDING_SECONDS)
        write = (*_CLASSES_ONLY, "-XX:AOTMode=create", f"-XX:AOTConfiguration={recording}")
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
    """Name all that the JVM compares before it trusts an archive: itself, options, jars."""
    digest = hashlib.sha256(repr((java_version(), OPTIONS, _CLASSES_ONLY)).encode())
    for path in class_path:
        status = path.stat()
        digest.update(repr((path.name, status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()[:16]
