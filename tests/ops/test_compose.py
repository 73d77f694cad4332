"""The compose files are valid and give each service its promised properties."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from fraudstream.main import fraudstream
from tests.conftest import IMAGE
from tests.support.stack import (
    DEPLOY,
    ROOT,
    STACKS,
    TLS,
    fraudstream_arguments,
    merged,
    mounts,
    variables,
)

EVERY_SERVICE = [
    pytest.param(name, service, id=f"{stack}-{name}")
    for stack, files in STACKS.items()
    for name, service in merged(*files)["services"].items()
]
each_service = pytest.mark.parametrize(("name", "service"), EVERY_SERVICE)
each_stack = pytest.mark.parametrize("files", STACKS.values(), ids=STACKS)


@pytest.mark.parametrize("file", TLS, ids=lambda file: file.name)
def test_each_file_is_valid_by_the_compose_specification(file: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    answer = subprocess.run([*check, str(file)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@each_stack
def test_docker_compose_merges_the_files_as_these_tests_do(files: tuple[Path, ...]) -> None:
    if shutil.which("docker") is None or docker_compose("version").returncode:
        pytest.skip("no docker compose")
    options = [word for file in files for word in ("--file", str(file))]
    answer = docker_compose(*options, "--profile", "*", "config")
    assert answer.returncode == 0, answer.stderr
    theirs = yaml.safe_load(answer.stdout)["services"]
    ours = merged(*files)["services"]
    assert theirs.keys() == ours.keys()
    for name, service in ours.items():
        assert read_back(theirs[name]) == read_back(service), name


def docker_compose(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read_back(service: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a service that both readers write alike."""
    command = [word.replace("$$", "$") for word in service.get("command") or ()]
    lists = {key: len(service.get(key) or ()) for key in ("ports", "volumes", "secrets", "tmpfs")}
    same = {key: service.get(key) for key in ("image", "environment", "restart", "profiles")}
    return {**same, **lists, "command": command, "waits": (service.get("depends_on") or {}).keys()}


@each_service
def test_ports_are_open_to_this_machine_only(name: str, service: dict[str, Any]) -> None:
    for port in service.get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), name


@each_service
def test_services_have_read_only_roots_no_capabilities_and_limits(
    name: str, service: dict[str, Any]
) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert "cap_add" not in service
    assert not any("docker.sock" in source for source, _ in mounts(service))
    limits = service["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory", "pids"}, name


@each_stack
def test_every_dependency_can_reach_its_condition(files: tuple[Path, ...]) -> None:
    services = merged(*files)["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            waited = services[other]
            if how["condition"] == "service_healthy":
                assert waited["healthcheck"]["test"], f"{name} waits for {other}"
            if how["condition"] == "service_completed_successfully":
                assert waited["restart"] == "no", f"{name} waits for {other}"
            if waited.get("profiles"):
                assert how["required"] is False, f"{name} waits for {other}"


@each_stack
def test_long_running_services_restart(files: tuple[Path, ...]) -> None:
    services = merged(*files)["services"]
    once = {name for name, service in services.items() if service["restart"] == "no"}
    assert once == {"topics", "data", "model"} | ({"users"} if files == TLS else set())
    assert all(services[name]["restart"] == "unless-stopped" for name in services.keys() - once)
    assert all(services[name]["init"] for name in once)


@each_service
def test_only_kafka_services_have_kafka_variables(name: str, service: dict[str, Any]) -> None:
    kafka = service["image"].startswith("apache/kafka")
    for variable in service.get("environment", {}):
        assert variable.startswith("KAFKA_") == kafka, f"{variable} of {name}"


def test_variables_have_our_prefix_and_are_documented() -> None:
    told = (DEPLOY / "README.md").read_text()
    for variable in variables(*TLS):
        assert variable.startswith("FRAUDSTREAM_")
        assert f"`{variable}`" in told, variable


@each_service
def test_images_are_pinned(name: str, service: dict[str, Any]) -> None:
    image = service["image"]
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    if image.startswith("fraudstream/"):
        assert version
        assert image.endswith(f":{version[1]}")
    elif "kafka" in image:
        assert image == IMAGE
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", image), name


@each_service
def test_commands_and_variables_are_accepted_by_the_command_line(
    name: str, service: dict[str, Any]
) -> None:
    arguments = fraudstream_arguments(service)
    if arguments is None:
        return
    command: click.Command | None = fraudstream
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.get_command(click.Context(command), name)
    assert command is not None, name
    command.make_context(name, arguments)  # rejects an unknown option or value
    known = {option.envvar for option in command.params} | {"FRAUDSTREAM_KAFKA_CONFIG"}
    assert service.get("environment", {}).keys() <= known


@each_service
def test_every_mounted_source_exists(name: str, service: dict[str, Any]) -> None:
    volumes = merged(*TLS)["volumes"]
    for source, _ in mounts(service):
        there = (DEPLOY / source).exists() if source.startswith(".") else source in volumes
        assert there, f"{name} mounts {source}"


@each_service
def test_every_build_target_is_in_the_dockerfile(name: str, service: dict[str, Any]) -> None:
    if "build" not in service:
        assert not service["image"].startswith("fraudstream/"), name
        return
    build = service["build"]
    dockerfile = (DEPLOY / build["context"] / build["dockerfile"]).read_text()
    assert re.search(rf"^FROM .+ AS {build['target']}$", dockerfile, re.MULTILINE)
    assert service["image"].startswith(f"fraudstream/{build['target']}:")
