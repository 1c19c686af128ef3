"""Boxes as a detector sees them: arrays in the LiDAR frame of one keyframe."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt


@dataclass(frozen=True, eq=False)
class SensorBoxes:
    """N boxes in the LiDAR frame: x right, y forward, z up.

    Args:
        class_index: (N,) position of the class in the detector's list of classes.
        score: (N,) confidence in [0, 1].
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

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.score)

    def __getitem__(self, rows: Any) -> Self:
        """Select boxes by a boolean mask, an index array or a slice."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The boxes of all parts, one after the other; of no parts none."""
        tables, names = [cls.empty(), *parts], [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(table, name) for table in tables]) for name in names))

    @classmethod
    def empty(cls) -> Self:
        """No boxes at all."""
        flat = np.empty(0)
        return cls(
            flat.astype(np.int64), flat, np.empty((0, 3)), np.empty((0, 3)), flat, np.empty((0, 2))
        )
