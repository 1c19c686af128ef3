"""The boxes of a scene as columns that tracking works on."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.tracks.groups import Motion, group_indices, motion_of
from cm3d.params import Tracks
from cm3d.tables import Boxes3D
from cm3d.tables.vocabulary import class_indices


@dataclass(frozen=True, eq=False)
class Detections:
    """N boxes of a scene, each column (N,) or (N, 2).

    Args:
        frame: Index of the keyframe.
        xy_m: Centre, global frame.
        std_m: Standard deviation of each coordinate of the centre.
        classes: Class index.
        length_m: Extent along the heading.
        group: Boxes of different groups are never one object.
        velocity_covariance: (N, 2, 2) of an object that is seen for the first time.
        acceleration_mps2: Standard deviation.
    """

    frame: NDArrayInt
    xy_m: NDArrayFloat
    std_m: NDArrayFloat
    classes: NDArrayInt
    length_m: NDArrayFloat
    group: NDArrayInt
    velocity_covariance: NDArrayFloat
    acceleration_mps2: NDArrayFloat

    @classmethod
    def from_boxes(
        cls, boxes: Boxes3D, frame: NDArrayInt, std_m: NDArrayFloat, params: Tracks
    ) -> Self:
        """Columns of the boxes (N,), whose keyframes and uncertainties are given (N,)."""
        classes = class_indices(boxes.class_name)
        motion = motion_of(classes, params)
        return cls(
            frame=frame,
            xy_m=boxes.center_m[:, :2],
            std_m=std_m,
            classes=classes,
            length_m=boxes.length_m,
            group=group_indices(classes),
            velocity_covariance=velocity_covariances(boxes.yaw_rad, motion),
            acceleration_mps2=motion.acceleration_mps2,
        )

    def at(self, rows: NDArrayInt) -> Self:
        """Some of the boxes."""
        return type(self)(**{c.name: getattr(self, c.name)[rows] for c in fields(self)})

    @classmethod
    def concatenated(cls, parts: Iterable[Self]) -> Self:
        """Boxes one after the other."""
        stack = list(parts)
        return cls(
            **{c.name: np.concatenate([getattr(p, c.name) for p in stack]) for c in fields(cls)}
        )


def velocity_covariances(yaw_rad: NDArrayFloat, motion: Motion) -> NDArrayFloat:
    """(N, 2, 2) of velocities that are large along the heading, either way, and small across."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    axes = np.stack([np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=-2)
    scaled = axes * np.stack([motion.along_mps, motion.across_mps], axis=-1)[:, None, :]
    return np.asarray(scaled @ scaled.swapaxes(-1, -2))
