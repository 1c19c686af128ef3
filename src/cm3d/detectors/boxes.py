"""Boxes as a detector sees them: arrays in the LiDAR frame of one keyframe."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import Cuboids
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class SensorBoxes(Rows):
    """N boxes in the LiDAR frame: x right, y forward, z up.

    Args:
        class_index: (N,) position of the class in the detector's list of classes.
        score: (N,) confidence in [0, 1]; of boxes that are learned the weight, see `LabelTensors`.
        center_m: (N, 3) box centres.
        size_m: (N, 3) length (along the heading), width, height.
        yaw_rad: (N,) heading about +z, from the x axis.
        velocity_mps: (N, 2) over ground; NaN where unknown.
    """

    class_index: NDArrayInt
    score: NDArrayFloat
    center_m: NDArrayFloat
    size_m: NDArrayFloat
    yaw_rad: NDArrayFloat
    velocity_mps: NDArrayFloat

    @property
    def cuboids(self) -> Cuboids:
        """Where they are."""
        length_m, width_m, height_m = self.size_m.T
        return Cuboids(self.center_m, length_m, width_m, height_m, self.yaw_rad)

    @classmethod
    def empty(cls) -> Self:
        """No boxes at all."""
        flat = np.empty(0)
        return cls(
            flat.astype(np.int64), flat, np.empty((0, 3)), np.empty((0, 3)), flat, np.empty((0, 2))
        )
