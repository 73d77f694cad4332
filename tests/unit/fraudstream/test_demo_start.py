"""How the demo starts: its ports, its model, its environment; no service runs."""

import shutil
import socket
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from broker.ports import free_port
from fraudstream.cache import CacheError
from fraudstream.commands.demo import command
from fraudstream.demo import artifact, run
from fraudstream.demo.errors import ServiceFailedError
from fraudstream.demo.ports import reserved_port
from fraudstream.demo.run import Plan
from fraudstream.demo.service_process import ServiceProcess
from fraudstream.destination import saved_in
from model.artifact.load import load_metadata
from model.artifact.metadata import Metadata
from tests.support.versions import write_artifact


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUDSTREAM_CACHE", str(tmp_path))


def test_two_demos_at_once_reserve_different_ports() -> None:
    preferred = free_port()
    with reserved_port(preferred) as first, reserved_port(preferred) as second:
        assert first == preferred < second
    with reserved_port(preferred) as again:
        assert again == preferred


def test_a_port_that_another_program_listens_on_is_not_reserved() -> None:
    with socket.socket() as listener:
        port = free_port()
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with reserved_port(port) as reserved:
            assert reserved > port


def test_the_cached_model_belongs_to_the_versions_of_the_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = artifact.cached_artifact()
    assert artifact.cached_artifact() == before
    genuine = metadata.version
    monkeypatch.setattr(
        artifact, "version", lambda name: "99.0" if name == "tensorflow" else genuine(name)
    )
    assert artifact.cached_artifact() != before


def test_a_damaged_artifact_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    folder.mkdir()
    (folder / "metadata.json").write_text("{}")
    assert artifact.discard_if_rejected(folder)
    assert not folder.exists()


def test_the_trained_model_is_a_single_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(store: str) -> None:
        saved_in(Path(store), write)

    def write(folder: Path) -> Metadata:
        write_artifact(folder)
        return load_metadata(folder)

    monkeypatch.setattr(artifact, "_train_into", train)
    artifact.train_artifact(tmp_path / "cached")
    assert load_metadata(tmp_path / "cached").threshold == 0.7
    assert [path.name for path in tmp_path.iterdir()] == ["cached"]


@dataclass
class Fakes:
    """Records what the demo would do; it fails with a damaged model, or whenever told to."""

    plans: list[Plan] = field(default_factory=list)
    trainings: list[Path] = field(default_factory=list)
    fails: bool = False

    def run_demo(self, plan: Plan, _view: object) -> None:
        self.plans.append(plan)
        if self.fails or (plan.model / "damaged").exists():
            raise ServiceFailedError("fraudstream detect exited with code 2")
        raise KeyboardInterrupt  # it has started, and no more is tested here

    def train_artifact(self, folder: Path) -> None:
        self.trainings.append(folder)
        folder.mkdir()

    def discard_if_rejected(self, folder: Path) -> bool:
        if not (folder / "damaged").exists():
            return False
        shutil.rmtree(folder)
        return True


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes = Fakes()
    monkeypatch.setattr(run, "run_demo", fakes.run_demo)
    monkeypatch.setattr(artifact, "train_artifact", fakes.train_artifact)
    monkeypatch.setattr(artifact, "discard_if_rejected", fakes.discard_if_rejected)
    return fakes


def demo(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(command, ["--rows", "10", *arguments], env=variables)


def test_the_model_is_trained_once(fakes: Fakes) -> None:
    for _demo in range(2):
        demo()
    assert fakes.trainings == [artifact.cached_artifact()]
    assert len(fakes.plans) == 2


def test_a_cache_that_cannot_be_written_is_reported(fakes: Fakes) -> None:
    with pytest.raises(CacheError, match=r"/proc/model.lock cannot be created in the cache"):
        artifact.ensure_artifact(Path("/proc/model"), lambda _sentence: None)
    assert not fakes.trainings


def test_a_cached_model_that_the_detector_rejects_is_trained_again(fakes: Fakes) -> None:
    folder = artifact.cached_artifact()
    folder.mkdir()
    (folder / "damaged").touch()
    result = demo()
    assert fakes.trainings == [folder]
    assert len(fakes.plans) == 2
    assert "The cached model is damaged" in result.stderr


@pytest.mark.parametrize("cached", [True, False])
def test_another_failure_does_not_train_again(fakes: Fakes, cached: bool) -> None:
    fakes.fails = True
    if cached:
        artifact.cached_artifact().mkdir()
    assert isinstance(demo().exception, ServiceFailedError)
    assert len(fakes.trainings) == (0 if cached else 1)
    assert len(fakes.plans) == 1


def test_its_own_kafka_has_none_of_the_users_settings(fakes: Fakes, tmp_path: Path) -> None:
    (tmp_path / "kafka.conf").write_text("security.protocol=ssl")
    variables = {
        "FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL": "ssl",
        "FRAUDSTREAM_KAFKA_CONFIG": str(tmp_path / "kafka.conf"),
        "FRAUDSTREAM_BATCH_MAXIMUM": "100",
    }
    demo(**variables)
    demo("--broker", "127.0.0.1:1", **variables)
    own, users = fakes.plans
    assert variables.keys() & own.environment.keys() == {"FRAUDSTREAM_BATCH_MAXIMUM"}
    assert own.kafka_arguments == ()
    assert variables.keys() <= users.environment.keys()
    assert users.kafka_arguments == ("--kafka-config", str(tmp_path / "kafka.conf"))


@pytest.mark.parametrize("name", ["--kafka", "--kafka-config"])
def test_settings_for_kafka_need_its_address(fakes: Fakes, tmp_path: Path, name: str) -> None:
    (tmp_path / "kafka.conf").touch()
    value = "a=b" if name == "--kafka" else str(tmp_path / "kafka.conf")
    result = demo(name, value)
    assert result.exit_code == 2
    assert f"{name} needs the --broker it is for" in result.stderr
    assert not fakes.plans


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"fraud_batches_total 1\n")

    def log_message(self, *_arguments: object) -> None:
        pass


def test_services_are_queried_without_the_environments_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with HTTPServer(("127.0.0.1", 0), _Ready) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            port = server.server_port
            # The process ends at once, but something answers at the address of its metrics.
            with ServiceProcess("recipes", [], folder=tmp_path, port=port) as service:
                assert service.scrape() == "fraud_batches_total 1\n"
        finally:
            server.shutdown()
            thread.join()
