"""The built wheel works outside the checkout: help, data, training, and the demo."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

from events.native.build import compilers
from tests.support.demo import assert_consistent

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "broker", "consumer", "dataset", "errors", "events", "fraudstream", "kafkaio", "model",
    "producer",
)  # fmt: skip
PATIENCE = 240.0
NONE: Mapping[str, str] = {}


class Installation:
    """The wheel in an environment of its own, which finds its dependencies in the current one."""

    def __init__(self, folder: Path) -> None:
        self.environment = folder / "environment"
        self.work = folder / "work"
        self.work.mkdir()
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        self._check(build, cwd=ROOT)
        (wheel,) = folder.glob("*.whl")
        self.wheel = wheel.name
        self._check([sys.executable, "-m", "venv", "--without-pip", str(self.environment)])
        self.python = self.environment / "bin" / "python"
        install = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
        self._check([sys.executable, "-m", *install, "--python", str(self.python), str(wheel)])
        # A path in a .pth file is added as it is: the checkout's own .pth file is not read.
        (self.site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    @property
    def site(self) -> Path:
        (site,) = self.environment.glob("lib/python*/site-packages")
        return site

    def run(self, *arguments: str, **variables: str) -> str:
        """Run the installed `fraudstream` outside the checkout; return its stdout."""
        command = [str(self.environment / "bin" / "fraudstream"), *arguments]
        return self._check(command, variables=variables)

    def run_python(self, code: str) -> str:
        return self._check([str(self.python), "-c", code])

    def _check(
        self, command: list[str], cwd: Path | None = None, variables: Mapping[str, str] = NONE
    ) -> str:
        hidden = ("PYTHON", "VIRTUAL_ENV", "UV_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        answer = subprocess.run(
            command,
            cwd=cwd or self.work,
            env={**kept, **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("wheel"))


def test_the_packages_are_those_of_the_wheel(installation: Installation) -> None:
    names = ", ".join(PACKAGES)
    code = f"import {names}\nfor package in ({names}): print(package.__file__)"
    files = installation.run_python(code).splitlines()
    assert [Path(file).parent for file in files] == [installation.site / name for name in PACKAGES]


def test_the_help_lists_the_commands(installation: Installation) -> None:
    assert "demo" in installation.run("--help")
    assert "--rows" in installation.run("demo", "--help")


def test_the_wheel_is_not_for_upload(installation: Installation) -> None:
    (metadata,) = installation.site.glob("fraudstream-*.dist-info/METADATA")
    assert "Classifier: Private :: Do Not Upload\n" in metadata.read_text()


def test_the_c_code_is_compiled_where_there_is_a_compiler(installation: Installation) -> None:
    compiled = any(compilers())
    assert installation.wheel.endswith("-any.whl") is not compiled
    assert len([*installation.site.glob("events/native/transactions-*.so")]) == compiled
    if compiled:
        installation.run_python("from events.native.library import NativeDecoder; NativeDecoder()")


def test_training_and_the_demo_work(installation: Installation) -> None:
    installation.run("data", "synthesize", "--rows", "20000", "--out", "twin.csv")
    arguments = ("--data", "twin.csv", "--model", "models", "--epochs", "1", "--no-pictures")
    installation.run("train", *arguments)
    files = {file.name for file in (installation.work / "models" / "champion").iterdir()}
    assert {"model.keras", "metadata.json"} <= files

    arguments = ("--rows", "2000", "--rate", "1000", "--model", "models", "--json")
    # Its own Kafka has no TLS, and its own addresses are behind no proxy, whatever others need.
    variables = {"FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL": "ssl", "http_proxy": "http://127.0.0.1:1"}
    report = json.loads(installation.run("demo", *arguments, **variables))
    assert_consistent(report, rows=2000)
    assert report["synthetic"] is True
    assert report["delivery"] == "exactly-once"
    assert report["kafka_version"] == "4.2.1"
