"""The boxes of a scene as columns that tracking works on."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.rows import Rows
from cm3d.params import Tracks
from cm3d.tables import Boxes3D
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class Motion(Rows):
    """How N objects may move, each (N,).

    Args:
        group: Objects of different groups are never one.
        along_mps: Standard deviation of an unknown velocity along the heading.
        across_mps: The same across it.
        acceleration_mps2: Standard deviation of the acceleration.
        drift_lengths: How many lengths the box of a standing object wanders with the view of it.
        moving_mps: Slower objects stand.
    """

    group: NDArrayInt
    along_mps: NDArrayFloat
    across_mps: NDArrayFloat
    acceleration_mps2: NDArrayFloat
    drift_lengths: NDArrayFloat
    moving_mps: NDArrayFloat


def motion_of_classes(taxonomy: Taxonomy, params: Tracks) -> Motion:
    """The motion (C,) of each class.

    Raises:
        InputError: `lift.tracks.motion` lacks the group of a class.
    """
    groups = {name: row.motion for name, row in taxonomy.classes.items()}
    for name, group in groups.items():
        if group not in params.motion:
            raise InputError(
                f"lift.tracks.motion: no group {group!r}, by which class {name} of taxonomy "
                f"{taxonomy.name} moves; add it"
            )
    numbers = {group: number for number, group in enumerate(params.motion)}
    priors = [params.motion[group].model_dump() for group in groups.values()]
    columns = {name: np.array([prior[name] for prior in priors]) for name in priors[0]}
    return Motion(group=np.array([numbers[group] for group in groups.values()]), **columns)


@dataclass(frozen=True, eq=False)
class Detections(Rows):
    """N boxes of a scene, each column (N,) or (N, 2).

    Args:
        frame: Index of the keyframe.
        xy_m: Centre, global frame.
        std_m: Standard deviation of each coordinate of the centre.
        classes: Class index.
        length_m: Extent along the heading.
        motion: How they may move.
        velocity_covariance: (N, 2, 2) of an object that is seen for the first time.
    """

    frame: NDArrayInt
    xy_m: NDArrayFloat
    std_m: NDArrayFloat
    classes: NDArrayInt
    length_m: NDArrayFloat
    motion: Motion
    velocity_covariance: NDArrayFloat

    @classmethod
    def from_boxes(
        cls,
        boxes: Boxes3D,
        classes: NDArrayInt,
        frame: NDArrayInt,
        std_m: NDArrayFloat,
        of_classes: Motion,
    ) -> Self:
        """Columns of boxes (N,) whose classes, keyframes and uncertainties are given (N,)."""
        motion = of_classes[classes]
        return cls(
            frame=frame,
            xy_m=boxes.center_m[:, :2],
            std_m=std_m,
            classes=classes,
            length_m=boxes.length_m,
            motion=motion,
            velocity_covariance=velocity_covariances(boxes.yaw_rad, motion),
        )


def velocity_covariances(yaw_rad: NDArrayFloat, motion: Motion) -> NDArrayFloat:
    """(N, 2, 2) of velocities that are large along the heading, either way, and small across."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    axes = np.stack([np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=-2)
    scaled = axes * np.stack([motion.along_mps, motion.across_mps], axis=-1)[:, None, :]
    return np.asarray(scaled @ scaled.swapaxes(-1, -2))
