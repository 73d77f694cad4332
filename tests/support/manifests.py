"""The Kubernetes objects of deploy/kubernetes, from its files or rendered by an overlay."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = "kustomization.yaml"

Object = Mapping[str, Any]


def documents(text: str) -> Iterator[Object]:
    return (document for document in yaml.safe_load_all(text) if document)


def blocks(language: str) -> list[str]:
    """Return the contents of the page's code blocks in a language."""
    page = (FOLDER / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def kustomizations() -> list[Path]:
    return sorted(FOLDER.rglob(KUSTOMIZATION))


def files() -> list[Path]:
    """Return every file with whole objects; overlays contain patches as well."""
    return sorted(
        file
        for folder in ("base", "components")
        for file in (FOLDER / folder).rglob("*.yaml")
        if file.name != KUSTOMIZATION
    )


@dataclass(frozen=True)
class Pod:
    """A pod template."""

    name: str
    labels: Mapping[str, str]
    spec: Object

    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


@dataclass(frozen=True)
class Manifests:
    """A set of objects that are applied together."""

    objects: tuple[Object, ...]

    def of(self, kind: str) -> list[Object]:
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        (found,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return found

    def pods(self) -> list[Pod]:
        return [
            Pod(workload["metadata"]["name"], template["metadata"]["labels"], template["spec"])
            for workload in self.objects
            if workload["kind"] in {"Deployment", "Job"}
            for template in [workload["spec"]["template"]]
        ]

    def pod(self, name: str) -> Pod:
        (found,) = (pod for pod in self.pods() if pod.name == name)
        return found

    def selected(self, labels: Mapping[str, str]) -> list[str]:
        """Return the names of the pods with all of these labels."""
        return [pod.name for pod in self.pods() if labels.items() <= pod.labels.items()]

    def environment(self, container: Object) -> dict[str, str]:
        """Return a container's environment; a value from a Secret is "secret"."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            found |= self.one("ConfigMap", source["configMapRef"]["name"])["data"]
        for variable in container.get("env", ()):
            found[variable["name"]] = variable.get("value") or _from(
                variable["valueFrom"], container
            )
        return found


def _from(source: Object, container: Object) -> str:
    if "secretKeyRef" in source:
        return "secret"
    of, name = source["resourceFieldRef"]["resource"].split(".")
    return str(container["resources"][of][name])


def as_files() -> Manifests:
    """Return the objects in the files, and the ConfigMaps that the kustomizations generate."""
    objects = [document for file in files() for document in documents(file.read_text())]
    for kustomization in kustomizations():
        for generator in yaml.safe_load(kustomization.read_text()).get("configMapGenerator", ()):
            data: dict[str, str] = {}
            for name in generator["envs"]:
                data |= _variables((kustomization.parent / name).read_text().splitlines())
            metadata = {"name": generator["name"]}
            objects.append(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
    return Manifests(tuple(objects))


def _variables(lines: Iterable[str]) -> dict[str, str]:
    rows = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in rows}


def kustomize() -> list[str] | None:
    """Return the command that renders a folder; None if no installed one supports components."""
    if program := shutil.which("kustomize"):
        return [program, "build"]
    if program := shutil.which("kubectl"):
        told = subprocess.run(
            [program, "version", "--client", "--output=json"],
            capture_output=True,
            check=False,
            text=True,
        )
        version = json.loads(told.stdout or "{}").get("kustomizeVersion", "")
        if re.match(r"v[4-9]\.", version):
            return [program, "kustomize"]
    return None


def rendered(command: list[str], folder: Path) -> Manifests:
    done = subprocess.run([*command, str(folder)], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    return Manifests(tuple(documents(done.stdout)))
