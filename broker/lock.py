"""Make `jars.lock` anew: `python -m broker.lock`, after a change of `broker.jars.ROOTS`.

Resolves the roots with all they need at run time, downloads every jar, and writes the lock whole
or not at all. A release that is only half published ends here, with the name of what is missing.
"""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from broker.jars import ROOTS, Jar, closing_line

_HEADER = """\
# Apache Kafka's jars with the sha256 of each. Made by: python -m broker.lock
"""


def resolve_roots(repository: Path) -> tuple[Jar, ...]:
    """Resolve `ROOTS` and download what they need into a Maven repository folder.

    Raises:
        RuntimeError: if something that is needed is not published.
    """
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=repository)
    roots, needed = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
    jars = [
        _lock(f"{it.groupId}:{it.artifactId}:{it.version}", it.artifact.resolve())
        for it in (*roots, *(it for it in needed if it.scope in {"compile", "runtime"}))
    ]
    return tuple(sorted(jars, key=lambda jar: jar.coordinate))


def _lock(coordinate: str, path: Path) -> Jar:
    content = path.read_bytes()
    return Jar(coordinate, len(content), hashlib.sha256(content).hexdigest())


def main() -> None:
    """Write `jars.lock` beside this file."""
    with TemporaryDirectory() as repository:
        jars = resolve_roots(Path(repository))
    lines = [f"{jar.coordinate} {jar.size} {jar.sha256}" for jar in jars]
    lock = Path(__file__).with_name("jars.lock")
    fresh = lock.with_name("jars.lock.new")
    fresh.write_text(_HEADER + "\n".join([*lines, closing_line(jars), ""]), encoding="utf-8")
    fresh.replace(lock)
    print(f"{lock}: {closing_line(jars)}")


if __name__ == "__main__":
    main()
