"""The jars: the lock is complete, and a jar that does not match it is never used."""

import gc
import hashlib
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from broker import jars
from broker.errors import JarsError, JarsUnavailableError
from broker.jars import ROOTS, Jar, bytes_to_fetch, closing_line, locked, parse_lock, resolve

CONTENTS = {f"org.example:part{n}:1.{n}": f"content {n}".encode() * 1000 for n in range(3)}


class Repository(ThreadingHTTPServer):
    """A Maven repository on this machine that records its requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents = {
            "/{0}/{1}/{2}/{1}-{2}.jar".format(group.replace(".", "/"), artifact, version): content
            for (group, artifact, version), content in (
                (coordinate.split(":"), content) for coordinate, content in CONTENTS.items()
            )
        }
        self.requests: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        content = self.server.contents.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """The repository that jgo is configured to use, with a lock of three small jars."""
    lock = tuple(
        Jar(coordinate, len(content), hashlib.sha256(content).hexdigest())
        for coordinate, content in CONTENTS.items()
    )
    monkeypatch.setattr(jars, "locked", lambda: lock)
    with Repository() as server:
        settings = tmp_path / "jgo.conf"
        settings.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # jgo does not close a 404's connection
        gc.collect()


def test_the_lock_contains_all_of_kafka() -> None:
    coordinates = {jar.coordinate for jar in locked()}
    assert set(ROOTS) <= coordinates
    ours = [coordinate for coordinate in coordinates if coordinate.startswith("org.apache.kafka:")]
    assert {coordinate.split(":")[2] for coordinate in ours} == {jars.KAFKA_VERSION}
    assert len(ours) >= 14
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in locked())
    assert len({jar.name for jar in locked()}) == len(coordinates)


def test_the_lock_contains_no_address() -> None:
    text = Path(jars.__file__).with_name("jars.lock").read_text()
    assert "/" not in text.replace("fraudstream/", "")


@pytest.mark.parametrize("missing", [0, 7, -1])
def test_a_lock_with_a_missing_line_is_rejected(missing: int) -> None:
    lines = Path(jars.__file__).with_name("jars.lock").read_text().splitlines()[1:]
    del lines[missing]
    with pytest.raises(JarsError, match="not complete"):
        parse_lock("\n".join(lines))


def test_a_lock_without_kafka_is_rejected() -> None:
    with pytest.raises(JarsError, match="not complete"):
        parse_lock(closing_line(()))


def test_jars_are_downloaded_once_and_verified(repository: Repository, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    total = sum(map(len, CONTENTS.values()))
    assert bytes_to_fetch(cache) == total
    received: list[int] = []
    paths = resolve(cache, progress=received.append)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sum(received) == total
    assert bytes_to_fetch(cache) == 0
    assert {path.name for path in cache.iterdir()} == {path.name for path in paths}

    repository.requests.clear()
    assert resolve(cache) == paths
    assert repository.requests == []


def test_a_corrupted_jar_is_downloaded_again(repository: Repository, tmp_path: Path) -> None:
    first, *others = resolve(tmp_path / "cache")
    content = first.read_bytes()
    first.write_bytes(b"x" + content[1:])
    repository.requests.clear()
    resolve(tmp_path / "cache")
    assert first.read_bytes() == content
    assert not any(other.name in path for path in repository.requests for other in others)


def test_a_jar_that_does_not_match_the_lock_is_not_kept(
    repository: Repository, tmp_path: Path
) -> None:
    for path, content in repository.contents.items():
        repository.contents[path] = b"x" + content[1:]
    with pytest.raises(JarsUnavailableError, match=r"does not match broker/jars\.lock"):
        resolve(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_unpublished_jar_is_named_in_the_error(repository: Repository, tmp_path: Path) -> None:
    del repository.contents["/org/example/part1/1.1/part1-1.1.jar"]
    with pytest.raises(JarsError, match=r"part1-1\.1\.jar cannot be downloaded") as caught:
        resolve(tmp_path / "cache")
    assert "http" not in str(caught.value)


@pytest.mark.usefixtures("repository")
def test_without_a_network_the_jars_are_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "nowhere.conf"
    settings.write_text("[repositories]\ncentral = http://127.0.0.1:1\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    with pytest.raises(JarsUnavailableError, match=r"cannot be downloaded.*check the network"):
        resolve(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_an_interrupted_download_leaves_no_files(tmp_path: Path) -> None:
    def interrupt(_received: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resolve(tmp_path / "cache", progress=interrupt)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_an_unwritable_cache_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JarsError, match=r"Cannot keep Kafka's jars in .*file"):
        resolve(tmp_path / "file")
