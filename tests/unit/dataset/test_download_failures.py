"""Downloads with failing mirrors, folders and disks."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset.errors import DownloadError, WriteError
from tests.support.mirror import CONTENT, SHA256, Mirror, Recorder, names


@pytest.mark.parametrize("status", [503, 429])
def test_a_temporary_http_error_is_retried(
    path: Path, mirror: Mirror, recorder: Recorder, status: int
) -> None:
    mirror.statuses = [status]
    assert recorder.download(path, mirror.url)
    assert recorder.pauses == [1]


def test_not_found_moves_to_the_next_mirror_at_once(
    path: Path, make_mirror: Callable[[], Mirror], recorder: Recorder
) -> None:
    gone, good = make_mirror(), make_mirror()
    gone.statuses = [404]
    assert recorder.download(path, gone.url, good.url)
    assert path.read_bytes() == CONTENT
    assert recorder.pauses == []


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN])
def test_an_unresolvable_name_moves_to_the_next_mirror_at_once(
    path: Path, mirror: Mirror, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    resolve = socket.getaddrinfo

    def fail(host: str, *arguments: Any, **named: Any) -> Any:
        if host == "mirror.invalid":
            raise socket.gaierror(code, "not resolved")
        return resolve(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for variable in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    assert recorder.download(path, "http://mirror.invalid/creditcard.csv", mirror.url)
    assert recorder.pauses == []


def test_the_next_mirror_resumes_the_partial_file(
    path: Path, make_mirror: Callable[[], Mirror], recorder: Recorder
) -> None:
    weak, good = make_mirror(), make_mirror()
    weak.breaks = [200_000, 0, 0]
    assert recorder.download(path, weak.url, good.url)
    assert good.requests == ["bytes=200000-"]
    assert path.read_bytes() == CONTENT


def test_wrong_bytes_are_discarded_and_the_next_mirror_is_tried(
    path: Path, make_mirror: Callable[[], Mirror], recorder: Recorder
) -> None:
    wrong, good = make_mirror(), make_mirror()
    wrong.content = CONTENT[::-1]
    assert recorder.download(path, wrong.url, good.url)
    assert good.requests == [None]
    assert path.read_bytes() == CONTENT
    assert recorder.bytes == len(CONTENT)


@pytest.mark.parametrize("lengths", [True, False])
@pytest.mark.parametrize("content", [b"<html>log in</html>", CONTENT + b"more", CONTENT[::-1]])
def test_the_error_gives_each_mirrors_reason_and_no_file_is_left(
    path: Path, mirror: Mirror, recorder: Recorder, content: bytes, lengths: bool
) -> None:
    mirror.content, mirror.lengths = content, lengths
    with pytest.raises(DownloadError) as caught:
        recorder.download(path, mirror.url, "ftp://example.org/x")
    message = str(caught.value)
    assert mirror.url in message
    assert "ftp://example.org/x: not an http or https address" in message
    assert SHA256 in message
    assert "\n" not in message
    assert not path.exists()


def test_an_unreachable_mirror_is_retried(
    path: Path, recorder: Recorder, make_mirror: Callable[[], Mirror]
) -> None:
    mirror = make_mirror()
    url = mirror.url
    mirror.socket.close()
    with pytest.raises(DownloadError, match="Not reachable"):
        recorder.download(path, url)
    assert recorder.pauses == [1, 2]
    assert names(path) == []


def test_a_missing_folder_and_a_folder_as_destination_are_rejected(
    path: Path, mirror: Mirror, recorder: Recorder
) -> None:
    with pytest.raises(WriteError, match="does not exist"):
        recorder.download(path.parent / "none" / "creditcard.csv", mirror.url)
    with pytest.raises(WriteError, match="is a folder"):
        recorder.download(path.parent, mirror.url)
    assert mirror.requests == []


def test_a_full_disk_leaves_no_file(
    path: Path, mirror: Mirror, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WriteError, match="no space is left"):
        recorder.download(path, mirror.url)
    assert not path.exists()
