"""Random flips, rotation, scale and shift of a whole scene about the LiDAR (CenterPoint)."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.detectors.boxes import SensorBoxes
from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32
from cm3d.params import Schedule


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Mirror, then rotate about +z, then scale, then shift.

    Args:
        mirror_x: Whether x changes its sign.
        mirror_y: Whether y changes its sign.
        rotation_rad: Counter-clockwise, seen from above.
        scale: Of positions, sizes and velocities alike.
        translation_m: (3,).
    """

    mirror_x: bool
    mirror_y: bool
    rotation_rad: float
    scale: float
    translation_m: NDArrayFloat

    @classmethod
    def draw(cls, schedule: Schedule, rng: np.random.Generator) -> Self:
        """Draw from the schedule: uniformly within limits, the shift normally."""
        mirror_x, mirror_y = rng.random(2) < 0.5
        return cls(
            mirror_x=bool(schedule.flip and mirror_x),
            mirror_y=bool(schedule.flip and mirror_y),
            rotation_rad=rng.uniform(-schedule.max_rotation_rad, schedule.max_rotation_rad),
            scale=rng.uniform(1 - schedule.max_scale, 1 + schedule.max_scale),
            translation_m=rng.normal(0.0, schedule.translation_std_m, size=3),
        )

    @property
    def _matrix(self) -> NDArrayFloat:
        """Orthogonal part and scale, (2, 2): what happens in the plane."""
        cosine, sine = np.cos(self.rotation_rad), np.sin(self.rotation_rad)
        mirror = np.diag([-1.0 if self.mirror_x else 1.0, -1.0 if self.mirror_y else 1.0])
        return np.asarray(self.scale * np.array([[cosine, -sine], [sine, cosine]]) @ mirror)

    @property
    def matrix(self) -> NDArrayFloat:
        """All of it as (4, 4), from the LiDAR frame to the augmented one."""
        whole = np.eye(4)
        whole[:2, :2], whole[2, 2], whole[:3, 3] = self._matrix, self.scale, self.translation_m
        return whole

    @classmethod
    def none(cls) -> Self:
        """The scene as it is."""
        return cls(False, False, 0.0, 1.0, np.zeros(3))

    def apply_to_points(self, points: NDArrayFloat32) -> NDArrayFloat32:
        """Points (N, 3 or more): x, y, z move, further columns stay."""
        matrix, moved = self._matrix.astype(points.dtype), points.copy(order="K")
        scale, shift_m = points.dtype.type(self.scale), self.translation_m.astype(points.dtype)
        x_m, y_m = points[:, 0], points[:, 1]
        for axis, (of_x, of_y) in enumerate(matrix):
            moved[:, axis] = of_x * x_m + of_y * y_m + shift_m[axis]
        moved[:, 2] = scale * points[:, 2] + shift_m[2]
        return moved

    def apply_to_boxes(self, boxes: SensorBoxes) -> SensorBoxes:
        """Boxes that fit the moved points as the old ones fitted the old."""
        center_xy_m = boxes.center_m[:, :2] @ self._matrix.T
        center_z_m = boxes.center_m[:, 2:] * self.scale
        heading = np.stack([np.cos(boxes.yaw_rad), np.sin(boxes.yaw_rad)], axis=1) @ self._matrix.T
        return SensorBoxes(
            class_index=boxes.class_index,
            score=boxes.score,
            center_m=np.concatenate([center_xy_m, center_z_m], axis=1) + self.translation_m,
            size_m=boxes.size_m * self.scale,
            yaw_rad=direction_of(heading),
            velocity_mps=boxes.velocity_mps @ self._matrix.T,
        )
