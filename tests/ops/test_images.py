"""The Dockerfile passes hadolint and gives each image its promised properties."""

import re
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.stack import DEPLOY, ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
TARGETS = ("producer", "trainer", "consumer", "consumer-gpu")
STAGES: dict[str, tuple[str, str]] = {
    name: (base, body)
    for base, name, body in re.findall(
        r"^FROM (\S+) AS (\S+)$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
}


def whole(target: str) -> str:
    """Return a stage's instructions, after those of its base stages."""
    base, body = STAGES[target]
    return (whole(base) if base in STAGES else "") + body


def last(instruction: str, target: str) -> str:
    found: list[str] = re.findall(rf"^{instruction} (.+)$", whole(target), re.MULTILINE)
    return found[-1] if found else ""


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).parent / "hadolint"
    answer = subprocess.run(
        [program, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_the_base_is_pinned() -> None:
    assert re.search(r"^ARG PYTHON=python:3\.\d+\.\d+-slim-bookworm$", DOCKERFILE, re.MULTILINE)
    assert {base for base, _ in STAGES.values()} - STAGES.keys() == {"${PYTHON}"}


@pytest.mark.parametrize("target", TARGETS)
def test_images_run_unprivileged_and_receive_signals(target: str) -> None:
    assert last("USER", target) == "10001:10001"
    assert last("ENTRYPOINT", target) == '["fraudstream"]'
    assert last("CMD", target).startswith("[")
    # The stages that are shipped run nothing but the creation of the user.
    assert [
        command.split()[0] for command in re.findall(r"^RUN (.+)$", whole(target), re.MULTILINE)
    ] == ["useradd"]


@pytest.mark.parametrize("target", TARGETS)
def test_images_have_version_and_licence_labels(target: str) -> None:
    assert f'org.opencontainers.image.version="{version("fraudstream")}"' in whole(target)
    assert 'org.opencontainers.image.licenses="Apache-2.0"' in whole(target)


@pytest.mark.parametrize("target", TARGETS)
def test_images_log_json(target: str) -> None:
    assert "FRAUDSTREAM_LOG_FORMAT=json" in whole(target)


@pytest.mark.parametrize("target", ["consumer", "consumer-gpu"])
def test_detector_images_have_a_health_check(target: str) -> None:
    check = last("HEALTHCHECK", target)
    assert "/dev/tcp/127.0.0.1/8000; printf 'GET /healthz HTTP/1.0" in check
    assert "FRAUDSTREAM_METRICS=0.0.0.0:8000" in whole(target)


def test_the_producer_is_built_without_tensorflow() -> None:
    assert "--extra" not in STAGES["producer-packages"][1]
    assert "--from=producer-packages" in STAGES["producer"][1]


def test_the_detector_on_cpus_is_built_without_tensorflow() -> None:
    assert extras("consumer") == ["serve"]
    assert extras("consumer-gpu") == ["gpu"]
    assert extras("trainer") == ["model"]


def extras(target: str) -> list[str]:
    packages = f"{target}-packages"
    assert f"--from={packages}" in STAGES[target][1]
    return re.findall(r"--extra (\w+)", STAGES[packages][1])


def test_every_package_is_installed_by_hash() -> None:
    installs = re.findall(r"(?:pip|uv pip) install (.*?)(?:&&|$)", DOCKERFILE, re.MULTILINE)
    assert len(installs) == 6
    for options in installs:
        ours = "--no-deps --build-constraints constraints.txt ." in options
        assert ours or "--require-hashes" in options


def test_the_build_context_holds_exactly_the_copied_files() -> None:
    copied = {
        source.strip("/")
        for sources in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)


def test_pinned_cuda_packages_satisfy_tensorflow() -> None:
    pins = dict(
        re.findall(r"^(nvidia-[\w-]+)==(\S+) ", (DEPLOY / "gpu.txt").read_text(), re.MULTILINE)
    )
    wanted = [Requirement(line) for line in requires("tensorflow") or ()]
    cuda = [
        requirement
        for requirement in wanted
        if requirement.marker
        and requirement.marker.evaluate({"extra": "and-cuda", "sys_platform": "linux"})
        and not requirement.marker.evaluate({"extra": "", "sys_platform": "linux"})
    ]
    assert cuda
    for requirement in cuda:
        assert requirement.specifier.contains(pins[requirement.name]), requirement
