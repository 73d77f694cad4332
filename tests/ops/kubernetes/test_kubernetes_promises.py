"""The manifests' stops, rollouts, scaling, permissions and network policies."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from consumer.commit.kafka_sink import COMMIT_SECONDS, WATCHDOG_SECONDS
from consumer.commit.watchdog import CHECK_SECONDS
from consumer.quality.monitor import CLOSING_SECONDS
from consumer.telemetry.server import MetricsServer
from events.topics import Topics
from kafkaio.connectivity import PROBE_SECONDS
from tests.support.detector import OPTIONS
from tests.support.manifests import ROOT, Manifests, Object
from tests.support.security.grants import GRANTS, Grant

DETECTOR = "fraudstream-detector"
QUALITY = "fraudstream-quality"
PROMETHEUS = ROOT / "deploy" / "prometheus"


def test_every_pod_is_confined(manifests: Manifests) -> None:
    for pod in manifests.pods():
        assert pod.spec["automountServiceAccountToken"] is False
        assert pod.spec["enableServiceLinks"] is False
        assert pod.spec["securityContext"]["runAsNonRoot"] is True
        assert pod.spec["securityContext"]["runAsUser"] > 0
        assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod.spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        for container in pod.containers():
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not context.keys() & {"privileged", "runAsUser"}
            for of in ("requests", "limits"):
                assert {"cpu", "memory"} <= container["resources"][of].keys()


def test_the_grace_period_covers_the_longest_stop(manifests: Manifests) -> None:
    grace = manifests.pod(DETECTOR).spec["terminationGracePeriodSeconds"]
    assert grace > PROBE_SECONDS + COMMIT_SECONDS + WATCHDOG_SECONDS + CHECK_SECONDS + 10
    assert manifests.pod(QUALITY).spec["terminationGracePeriodSeconds"] > CLOSING_SECONDS + 10


def test_a_rollout_adds_no_replica(manifests: Manifests) -> None:
    detector = manifests.one("Deployment", DETECTOR)["spec"]
    assert detector["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert "replicas" not in detector  # the autoscaler's


def test_only_one_quality_monitor_runs_at_a_time(manifests: Manifests) -> None:
    quality = manifests.one("Deployment", QUALITY)["spec"]
    assert quality["replicas"] == 1
    assert quality["strategy"] == {"type": "Recreate"}


def test_selectors_select_the_intended_pods(manifests: Manifests) -> None:
    for deployment in manifests.of("Deployment"):
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        assert manifests.selected(spec["selector"]["matchLabels"]) == [name]
        for spread in spec["template"]["spec"].get("topologySpreadConstraints", ()):
            assert manifests.selected(spread["labelSelector"]["matchLabels"]) == [name]
    budget = manifests.one("PodDisruptionBudget", DETECTOR)["spec"]
    assert manifests.selected(budget["selector"]["matchLabels"]) == [DETECTOR]
    everyone = sorted(pod.name for pod in manifests.pods())
    for kind, field in (("NetworkPolicy", "podSelector"), ("PodMonitor", "selector")):
        found = manifests.one(kind, "fraudstream")["spec"][field]["matchLabels"]
        assert sorted(manifests.selected(found)) == everyone


def test_network_policies_allow_only_kafka_dns_and_prometheus(manifests: Manifests) -> None:
    policy = manifests.one("NetworkPolicy", "fraudstream")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    (ingress,) = policy["ingress"]
    assert all(peer.keys() >= {"namespaceSelector", "podSelector"} for peer in ingress["from"])
    assert [port["port"] for port in ingress["ports"]] == ["metrics"]
    kafka, dns = policy["egress"]
    broker = manifests.environment(manifests.pod(DETECTOR).spec["containers"][0])
    assert [str(port["port"]) for port in kafka["ports"]] == [
        broker["FRAUDSTREAM_BROKER"].rpartition(":")[2]
    ]
    assert kafka["to"]
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert dns["to"]


def test_prometheus_jobs_are_those_of_rules_and_dashboards(manifests: Manifests) -> None:
    monitor = manifests.one("PodMonitor", "fraudstream")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    known = set(re.findall(r'job="(\w+)"', _text(PROMETHEUS / "rules")))
    served = {
        pod.labels[monitor["jobLabel"]]
        for pod in manifests.pods()
        for container in pod.containers()
        for port in container.get("ports", ())
        if port["name"] == endpoint["port"]
    }
    assert served == known == {"detector", "quality"}
    scraping = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["global"]
    assert endpoint["interval"] == scraping["scrape_interval"]
    assert endpoint["scrapeTimeout"] == scraping["scrape_timeout"]


def test_there_are_at_most_as_many_detectors_as_partitions(manifests: Manifests) -> None:
    scaled = manifests.one("ScaledObject", DETECTOR)["spec"]
    topic = manifests.one("KafkaTopic", Topics().transactions)
    assert scaled["maxReplicaCount"] == topic["spec"]["partitions"]
    assert scaled["minReplicaCount"] >= 2
    (kafka,) = (trigger for trigger in scaled["triggers"] if trigger["type"] == "kafka")
    assert kafka["metadata"]["allowIdleConsumers"] == "false"
    assert kafka["metadata"]["topic"] == topic["metadata"]["name"]
    for trigger in scaled["triggers"]:
        assert all(isinstance(value, str) for value in trigger["metadata"].values())


def test_the_autoscaler_connects_to_kafka_as_the_detector(manifests: Manifests) -> None:
    scaled = manifests.one("ScaledObject", DETECTOR)["spec"]
    target = manifests.pod(scaled["scaleTargetRef"]["name"])
    (container,) = target.spec["containers"]
    environment = manifests.environment(container)
    (cpu, kafka) = scaled["triggers"]
    assert cpu["metadata"]["containerName"] == container["name"]
    assert scaled["scaleTargetRef"]["envSourceContainerName"] == container["name"]
    asking = kafka["metadata"]
    assert asking["bootstrapServersFromEnv"] in environment
    assert (asking["tls"], asking["sasl"]) == ("enable", "scram_sha512")
    assert environment["FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
    assert environment["FRAUDSTREAM_KAFKA_SASL_MECHANISM"] == "SCRAM-SHA-512"
    granted = manifests.one("TriggerAuthentication", kafka["authenticationRef"]["name"])["spec"]
    (user,) = granted["env"]
    assert (user["parameter"], user["containerName"]) == ("username", container["name"])
    secrets = {
        reference["parameter"]: (reference["name"], reference["key"])
        for reference in granted["secretTargetRef"]
    }
    assert secrets["password"] == (environment[user["name"]], "password")
    assert ("group", asking["consumerGroup"], "Read") in {
        (right.kind, right.name, right.operation)
        for right in GRANTS
        if right.user == environment[user["name"]]
    }


def test_every_topic_survives_the_loss_of_a_node(manifests: Manifests) -> None:
    topics = {topic["metadata"]["name"]: topic["spec"] for topic in manifests.of("KafkaTopic")}
    assert sorted(topics) == sorted(Topics().all())
    for topic in topics.values():
        assert topic["replicas"] == 3
        assert topic["config"]["min.insync.replicas"] == 2
    partitions = topics[Topics().transactions]["partitions"]
    assert topics[Topics().journal]["partitions"] >= partitions


def test_users_have_exactly_the_documented_permissions(manifests: Manifests) -> None:
    granted = [right for user in manifests.of("KafkaUser") for right in _rights(user)]
    # Strimzi makes the topics, so nobody else needs to.
    asked = [right for right in GRANTS if right.user != "fraudstream-topics"]
    assert sorted(map(str, granted)) == sorted(map(str, asked))


def test_strimzi_objects_belong_to_the_cluster_that_pods_and_autoscaler_use(
    manifests: Manifests,
) -> None:
    (container,) = manifests.pod(DETECTOR).spec["containers"]
    broker = manifests.environment(container)["FRAUDSTREAM_BROKER"]
    cluster, _, namespace = broker.partition(":")[0].partition("-kafka-bootstrap.")
    for resource in (*manifests.of("KafkaTopic"), *manifests.of("KafkaUser")):
        assert resource["metadata"]["labels"] == {"strimzi.io/cluster": cluster}
        # Named in full, since the autoscaler, in a namespace of its own, reads it too.
        assert namespace == f"{resource['metadata'].get('namespace', 'fraudstream')}.svc"
    for pod in manifests.pods():
        (authority,) = (
            volume for volume in pod.spec["volumes"] if volume["name"] == "kafka-authority"
        )
        assert authority["secret"]["secretName"] == f"{cluster}-cluster-ca-cert"


def test_no_two_pods_have_the_same_transactional_id(
    manifests: Manifests, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = manifests.pod(DETECTOR)
    # A pod's host name is its own name, unless the template gives all of them another.
    assert not pod.spec.keys() & {"hostname", "hostNetwork", "setHostnameAsFQDN", "subdomain"}
    options = replace(OPTIONS, group=DETECTOR)
    with MetricsServer(
        "0.0.0.0",  # noqa: S104 - as in the manifests: the same in every pod
        0,
        CollectorRegistry(),
        healthy=lambda: None,
        ready=lambda: None,
    ) as server:
        ids = set()
        for name in (f"{DETECTOR}-5d9c7b9f6c-x2k4p", f"{DETECTOR}-5d9c7b9f6c-8hq7z"):
            monkeypatch.setattr("socket.gethostname", lambda name=name: name)
            ids.add(options.transactional_id(server.address))
    assert len(ids) == 2
    (granted,) = (
        right
        for right in _rights(manifests.one("KafkaUser", DETECTOR))
        if right.kind == "transactional-id"
    )
    assert granted.prefixed
    assert all(member is not None and member.startswith(granted.name) for member in ids)


@pytest.mark.parametrize("manifests", ["gpu"], indirect=True)
def test_only_detectors_have_a_gpu(manifests: Manifests) -> None:
    asking = {
        pod.name: container
        for pod in manifests.pods()
        for container in pod.containers()
        if "nvidia.com/gpu" in container["resources"]["limits"]
    }
    assert list(asking) == [DETECTOR]
    container = asking[DETECTOR]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["image"].startswith("fraudstream/consumer-gpu:")
    assert manifests.environment(container)["FRAUDSTREAM_DEVICE"] == "gpu"
    spec = manifests.pod(DETECTOR).spec
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert [toleration["key"] for toleration in spec["tolerations"]] == ["nvidia.com/gpu"]


def _rights(user: Object) -> list[Grant]:
    assert user["spec"]["authentication"] == {"type": "scram-sha-512"}
    assert user["spec"]["authorization"]["type"] == "simple"
    return [
        Grant(
            user["metadata"]["name"],
            resource["type"].replace("transactionalId", "transactional-id"),
            resource["name"],
            {"prefix": True, "literal": False}[resource["patternType"]],
            operation,
        )
        for acl in user["spec"]["authorization"]["acls"]
        for resource in [acl["resource"]]
        for operation in acl["operations"]
    ]


def _text(folder: Path) -> str:
    return "".join(file.read_text() for file in sorted(folder.iterdir()))
