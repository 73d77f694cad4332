"""Another threshold for a network: what it would change, and the version that has it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from model.artifact.files import CARD, METADATA, PLOTS
from model.artifact.metadata import HELD_OUT, Metadata
from model.artifact.save import write_description
from model.errors import ArtifactError
from model.evaluation.curve import OperatingCurve, Scored
from model.evaluation.evaluate import at_threshold
from model.evaluation.operating_points import operating_point, operating_points
from model.evaluation.results import OperatingPoint
from model.evaluation.threshold import NUMBER, Policy, choose


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """The same network with another threshold.

    Attributes:
        metadata: of the version with the new threshold.
        before: the old threshold, with its metrics.
        after: the new one, with its metrics on the same rows.
    """

    metadata: Metadata
    before: OperatingPoint
    after: OperatingPoint


def change_threshold(
    metadata: Metadata, policy: Policy, rows: Scored | None = None, *, name: str = HELD_OUT
) -> ThresholdChange:
    """Choose another threshold for a network.

    Args:
        metadata: of the network.
        policy: how to choose it.
        rows: to choose it on; None for the held-out rows of the metadata.
        name: of the rows, for people.

    Raises:
        PolicyError: no threshold satisfies the policy.
        ArtifactError: the metadata are of an older version and have no operating curve.
    """
    if metadata.curve is None:
        raise ArtifactError(
            f"{metadata.model_version} was trained by an older fraudstream and has no operating "
            "curve: train again."
        )
    held_out = metadata.curve.restored()
    curve = OperatingCurve.of(rows) if rows else held_out
    threshold = choose(curve, policy)
    old_policy = metadata.operating_points[0].policy if metadata.operating_points else ""
    return ThresholdChange(
        metadata=msgspec.structs.replace(
            metadata,
            model_version=_version(metadata, threshold),
            threshold=threshold,
            threshold_policy=policy.sentence,
            threshold_chosen_on=None if policy.name == NUMBER else name,
            same_network_as=metadata.same_network_as or metadata.model_version,
            held_out=at_threshold(metadata.held_out, held_out, threshold),
            operating_points=operating_points(held_out, policy, threshold),
        ),
        before=operating_point(curve, old_policy, metadata.threshold),
        after=operating_point(curve, str(policy), threshold),
    )


def write_version(artifact: Path, metadata: Metadata, place: Path) -> Metadata:
    """Write an artifact with the files of another one, its metadata and its model card apart.

    The plots are left out: they show the other threshold.

    Args:
        artifact: with the same network.
        metadata: of the new artifact.
        place: its folder, which must not exist.

    Returns:
        The metadata.
    """
    place.mkdir(parents=True)
    for path in artifact.iterdir():
        if path.name not in {METADATA, CARD, PLOTS}:
            try:
                os.link(path, place / path.name)
            except OSError:  # another volume, or one without hard links
                shutil.copy2(path, place / path.name)
    write_description(place, metadata)
    return metadata


def _version(metadata: Metadata, threshold: float) -> str:
    """Return the name of the network's first version and the threshold as an exact float32."""
    first = metadata.same_network_as or metadata.model_version
    return f"{first}.t{np.float32(threshold)!s}"
