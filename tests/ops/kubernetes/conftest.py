"""The manifests: as files, and rendered where kustomize is installed."""

import os
from pathlib import Path

import pytest

from tests.support.manifests import FOLDER, Manifests, as_files, blocks, kustomize, rendered


@pytest.fixture(scope="session")
def renderer() -> list[str]:
    command = kustomize()
    if command is None:
        pytest.skip(
            "no kustomize: install kubectl 1.24 or newer, or kustomize 4 or newer, "
            "to render the overlays; their files are tested anyway"
        )
    return command


@pytest.fixture(scope="session", params=["files", "cpu", "gpu", "own"])
def manifests(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Manifests:
    if request.param == "files":
        return as_files()
    command = request.getfixturevalue("renderer")
    if request.param == "own":
        return rendered(command, own(tmp_path_factory.mktemp("own")))
    return rendered(command, FOLDER / "overlays" / request.param)


def own(folder: Path) -> Path:
    """Write the custom overlay that the page shows."""
    (block,) = (block for block in blocks("yaml") if block.startswith("# my/kustomization.yaml"))
    kustomization = block.replace("../deploy/kubernetes", os.path.relpath(FOLDER, folder))
    (folder / "kustomization.yaml").write_text(kustomization)
    return folder
