"""Every command in the manifests exists and accepts its arguments and environment."""

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
import yaml
from confluent_kafka import Consumer

from consumer.telemetry.health import STUCK_SECONDS
from fraudstream.main import fraudstream
from fraudstream.options import host_and_port, kafka_settings
from kafkaio.settings import ENVIRONMENT_PREFIX
from tests.support.manifests import FOLDER, Manifests, Object, Pod, blocks

Parsed = tuple[click.Command, dict[str, Any]]


@pytest.fixture
def parse(manifests: Manifests, monkeypatch: pytest.MonkeyPatch) -> Callable[[Object], Parsed]:
    """Parse a container's command in its environment."""

    def parse(container: Object) -> Parsed:
        for name in [variable for variable in os.environ if variable.startswith("FRAUDSTREAM_")]:
            monkeypatch.delenv(name)
        for name, value in manifests.environment(container).items():
            monkeypatch.setenv(name, value)
        command: click.Command = fraudstream
        arguments = list(container["args"])
        while isinstance(command, click.Group):
            named = command.get_command(click.Context(command), arguments[0])
            assert named is not None, arguments[0]
            command = named
            del arguments[0]
        return command, command.make_context(container["args"][0], arguments).params

    return parse


def commands(manifests: Manifests) -> Iterator[tuple[Pod, Object]]:
    for pod in manifests.pods():
        for container in pod.containers():
            if container["command"] == ["fraudstream"]:
                yield pod, container


def test_every_command_is_accepted(manifests: Manifests, parse: Callable[[Object], Parsed]) -> None:
    understood = [parse(container) for _, container in commands(manifests)]
    assert len(understood) >= 2


def test_every_variable_belongs_to_an_option(
    manifests: Manifests, parse: Callable[[Object], Parsed]
) -> None:
    for _, container in commands(manifests):
        command, _ = parse(container)
        options = {parameter.envvar for parameter in command.params}
        for name in manifests.environment(container):
            if name.startswith("FRAUDSTREAM_") and not name.startswith(ENVIRONMENT_PREFIX):
                assert name in options


def test_every_pod_connects_to_kafka_as_an_existing_user_with_its_own_password(
    manifests: Manifests, parse: Callable[[Object], Parsed]
) -> None:
    users = []
    for pod, container in commands(manifests):
        if "envFrom" not in container:
            continue
        _, parameters = parse(container)
        settings = kafka_settings(
            *(parameters[option] for option in ("broker", "kafka", "kafka_config"))
        )
        client = settings.client({"group.id": "any"})
        authority = client.pop("ssl.ca.location")
        Consumer(client).close()  # rejects unknown properties and values
        assert authority.startswith(_mounts(container)["kafka-authority"])
        user = client["sasl.username"]
        manifests.one("KafkaUser", user)
        (password,) = (
            variable["valueFrom"]["secretKeyRef"]
            for variable in container["env"]
            if variable["name"] == "FRAUDSTREAM_KAFKA_SASL_PASSWORD"
        )
        assert password == {"name": user, "key": "password"}
        users.append((pod.name, user))
    assert ("fraudstream-detector", "fraudstream-detector") in users
    assert ("fraudstream-quality", "fraudstream-quality") in users
    assert len({user for _, user in users}) == len(users)


def test_probes_and_prometheus_use_the_metrics_port(
    manifests: Manifests, parse: Callable[[Object], Parsed]
) -> None:
    for _, container in commands(manifests):
        _, parameters = parse(container)
        if "metrics" not in parameters:
            assert "ports" not in container
            continue
        host, port = host_and_port(parameters["metrics"], "--metrics")
        assert host == "0.0.0.0"  # noqa: S104 - from other machines as well
        assert container["ports"] == [{"name": "metrics", "containerPort": port}]
        for probe, path in (
            ("startupProbe", "/healthz"),
            ("livenessProbe", "/healthz"),
            ("readinessProbe", "/readyz"),
        ):
            assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}


def test_the_broker_timeout_is_shorter_than_the_liveness_limit(
    manifests: Manifests, parse: Callable[[Object], Parsed]
) -> None:
    _, parameters = parse(manifests.pod("fraudstream-detector").spec["containers"][0])
    assert parameters["broker_timeout"] < STUCK_SECONDS
    assert parameters["delivery"] == "exactly-once"
    assert parameters["journal"]


def test_the_detector_reads_the_artifact_of_its_init_container(
    manifests: Manifests, parse: Callable[[Object], Parsed]
) -> None:
    pod = manifests.pod("fraudstream-detector")
    (put,) = pod.spec["initContainers"]
    (detector,) = pod.spec["containers"]
    _, parameters = parse(detector)
    assert _mounts(detector)["model"] == str(parameters["model"])
    assert put["command"][-1].rstrip("/") == _mounts(put)["model"]
    (mount,) = (mount for mount in detector["volumeMounts"] if mount["name"] == "model")
    assert mount["readOnly"]


def test_the_quality_monitor_reads_each_label_once(
    manifests: Manifests, parse: Callable[[Object], Parsed]
) -> None:
    _, parameters = parse(manifests.pod("fraudstream-quality").spec["containers"][0])
    assert parameters["from_beginning"] is False


def test_the_documented_command_makes_prometheus_rule_objects() -> None:
    (block,) = (block for block in blocks("sh") if "kind: PrometheusRule" in block)
    told = subprocess.run(
        ["/bin/sh", "-euc", f"kubectl() {{ cat; }}\n{block}"],
        capture_output=True,
        check=True,
        cwd=FOLDER.parent.parent,
        text=True,
    )
    rules = list(yaml.safe_load_all(told.stdout))
    written = sorted((FOLDER.parent / "prometheus" / "rules").glob("*.yml"))
    assert [rule["spec"] for rule in rules] == [
        yaml.safe_load(file.read_text()) for file in written
    ]
    assert {(rule["apiVersion"], rule["kind"]) for rule in rules} == {
        ("monitoring.coreos.com/v1", "PrometheusRule")
    }
    assert len({rule["metadata"]["name"] for rule in rules}) == len(written)


def _mounts(container: Object) -> dict[str, str]:
    return {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
