"""The manifests: as files, which every machine can read, and rendered, where kustomize is."""

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
            "to have the overlays rendered; their files are tested all the same"
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
    """Write the overlay of one's own that the page shows."""
    (block,) = (block for block in blocks("yaml") if block.startswith("# my/kustomization.yaml"))
    kustomization = block.replace("../deploy/kubernetes", os.path.relpath(FOLDER, folder))
    (folder / "kustomization.yaml").write_text(kustomization)
    return folder
