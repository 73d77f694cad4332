"""Every object is what Kubernetes, or the operator that it is for, takes."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.support.manifests import (
    FOLDER,
    KUSTOMIZATION,
    Manifests,
    documents,
    files,
    kustomizations,
)

OLDEST = "1.29"
NEWEST = kubernetes_validate.latest_version()

# What operators define has no schema here; what the stream needs of it is tested beside.
OPERATORS = {
    ("kafka.strimzi.io/v1", "KafkaTopic"),
    ("kafka.strimzi.io/v1", "KafkaUser"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_own_kinds_fit_its_schemas(manifests: Manifests, version: str) -> None:
    own = [
        item for item in manifests.objects if (item["apiVersion"], item["kind"]) not in OPERATORS
    ]
    assert {"Deployment", "PodDisruptionBudget", "NetworkPolicy"} <= {item["kind"] for item in own}
    for item in own:
        kubernetes_validate.validate(dict(item), version, strict=True)


def test_a_field_that_there_is_not_is_refused(manifests: Manifests) -> None:
    deployment = dict(manifests.of("Deployment")[0])
    deployment["spec"] = {**deployment["spec"], "replica": 2}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(deployment, NEWEST, strict=True)


def test_no_two_objects_have_the_same_name(manifests: Manifests) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in manifests.objects]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("file", files(), ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_file_belongs_to_its_folder(file: Path) -> None:
    listed = yaml.safe_load((file.parent / KUSTOMIZATION).read_text())["resources"]
    assert file.name in listed
    assert list(documents(file.read_text()))


@pytest.mark.parametrize(
    "kustomization", kustomizations(), ids=lambda path: str(path.parent.relative_to(FOLDER))
)
def test_everything_that_is_listed_is_there(kustomization: Path) -> None:
    told = yaml.safe_load(kustomization.read_text())
    component = kustomization.parent.parent.name == "components"
    assert told["kind"] == ("Component" if component else "Kustomization")
    patches = [patch["path"] for patch in told.get("patches", ())]
    for name in (*told.get("resources", ()), *told.get("components", ()), *patches):
        assert (kustomization.parent / name).exists(), name


@pytest.mark.parametrize("manifests", ["cpu", "gpu", "own"], indirect=True)
def test_what_is_rendered_stands_in_one_namespace_and_names_its_images(
    manifests: Manifests,
) -> None:
    (namespace,) = {item["metadata"].get("namespace") for item in manifests.objects}
    assert namespace
    for pod in manifests.pods():
        for container in pod.containers():
            image, _, tag = container["image"].rpartition(":")
            assert "fraudstream/" in image
            assert tag not in {"", "latest"}
