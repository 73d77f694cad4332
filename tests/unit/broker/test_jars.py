"""The jars: the lock is complete, and what is not the lock's never becomes part of Kafka."""

import gc
import hashlib
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from broker import jars
from broker.errors import JarsError
from broker.jars import ROOTS, Jar, bytes_to_fetch, closing_line, locked, parse_lock, resolve

CONTENTS = {f"org.example:part{n}:1.{n}": f"content {n}".encode() * 1000 for n in range(3)}


class Repository(ThreadingHTTPServer):
    """A Maven repository on this machine, with what it serves and what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.contents = {
            "/{0}/{1}/{2}/{1}-{2}.jar".format(group.replace(".", "/"), artifact, version): content
            for (group, artifact, version), content in (
                (coordinate.split(":"), content) for coordinate, content in CONTENTS.items()
            )
        }
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.contents.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository that jgo is configured to use, with a lock of three small jars."""
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


def test_the_lock_holds_kafka_whole() -> None:
    coordinates = {jar.coordinate for jar in locked()}
    assert set(ROOTS) <= coordinates
    ours = [it for it in coordinates if it.startswith("org.apache.kafka:")]
    assert {it.split(":")[2] for it in ours} == {jars.KAFKA_VERSION}
    assert len(ours) >= 14
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in locked())
    assert len({jar.name for jar in locked()}) == len(coordinates)


def test_the_lock_names_no_address() -> None:
    text = Path(jars.__file__).with_name("jars.lock").read_text()
    assert "/" not in text.replace("fraudstream/", "")


@pytest.mark.parametrize("lost", [0, 7, -1])
def test_a_lock_that_lost_a_line_is_refused(lost: int) -> None:
    lines = Path(jars.__file__).with_name("jars.lock").read_text().splitlines()[1:]
    del lines[lost]
    with pytest.raises(JarsError, match="not complete"):
        parse_lock("\n".join(lines))


def test_a_lock_without_kafka_is_refused() -> None:
    with pytest.raises(JarsError, match="not complete"):
        parse_lock(closing_line(()))


def test_jars_are_fetched_once_and_checked(repository: Repository, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    total = sum(map(len, CONTENTS.values()))
    assert bytes_to_fetch(cache) == total
    received: list[int] = []
    paths = resolve(cache, progress=received.append)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sum(received) == total
    assert bytes_to_fetch(cache) == 0
    assert {path.name for path in cache.iterdir()} == {path.name for path in paths}

    repository.asked.clear()
    assert resolve(cache) == paths
    assert repository.asked == []


def test_a_corrupted_jar_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    first, *others = resolve(tmp_path / "cache")
    content = first.read_bytes()
    first.write_bytes(b"x" + content[1:])
    repository.asked.clear()
    resolve(tmp_path / "cache")
    assert first.read_bytes() == content
    assert not any(other.name in path for path in repository.asked for other in others)


def test_what_is_not_the_locks_is_not_kept(repository: Repository, tmp_path: Path) -> None:
    for path, content in repository.contents.items():
        repository.contents[path] = b"x" + content[1:]
    with pytest.raises(JarsError, match=r"is not the jar of the lock.*--broker HOST:PORT"):
        resolve(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_is_not_published_is_named(repository: Repository, tmp_path: Path) -> None:
    del repository.contents["/org/example/part1/1.1/part1-1.1.jar"]
    with pytest.raises(JarsError, match=r"part1-1\.1\.jar cannot be fetched") as caught:
        resolve(tmp_path / "cache")
    assert "http" not in str(caught.value)


@pytest.mark.usefixtures("repository")
def test_without_a_network_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "nowhere.conf"
    settings.write_text("[repositories]\ncentral = http://127.0.0.1:1\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    with pytest.raises(JarsError, match=r"cannot be fetched.*--broker HOST:PORT"):
        resolve(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_an_interrupted_download_leaves_nothing_half(tmp_path: Path) -> None:
    def interrupt(_received: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resolve(tmp_path / "cache", progress=interrupt)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JarsError, match=r"Cannot keep Kafka's jars in .*file"):
        resolve(tmp_path / "file")
