"""Rigid transforms, named `dst_SE3_src`: they take points of frame src to frame dst."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy.spatial.transform import Rotation

from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, floats_or_nan

_NORM_TOLERANCE: Final = 5e-2  # of quaternions that somebody rounded


def are_unit(quaternions: NDArrayFloat) -> NDArrayBool:
    """Which of (N, 4) quaternions are rotations, (N,), as far as somebody who rounds gets."""
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.linalg.norm(quaternions, axis=1)
    return np.asarray(np.abs(norm - 1) <= _NORM_TOLERANCE)


@dataclass(frozen=True, eq=False)
class SE3:
    """A rotation followed by a translation.

    Args:
        rotation: (3, 3) orthonormal matrix.
        translation_m: (3,) position of the source frame's origin in the destination frame.
    """

    rotation: NDArrayFloat
    translation_m: NDArrayFloat

    @classmethod
    def identity(cls) -> Self:
        """The transform that changes nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_pose(cls, pose: NDArrayFloat | Sequence[float]) -> Self:
        """Build from the tables' (qw, qx, qy, qz, x_m, y_m, z_m), shape (7,).

        What is no pose gives NaNs, which `datasets.checks` finds and names.
        """
        values = floats_or_nan(pose, (7,))
        if not np.isfinite(values).all() or not are_unit(values[None, :4]).all():
            return cls(np.full((3, 3), np.nan), np.full(3, np.nan))
        quaternion = Rotation.from_quat(values[:4], scalar_first=True)
        return cls(quaternion.as_matrix(), values[4:])

    @classmethod
    def from_yaw(cls, yaw_rad: float, translation_m: NDArrayFloat) -> Self:
        """Build from a rotation about +z and a position."""
        rotation = Rotation.from_euler("z", yaw_rad).as_matrix()
        return cls(rotation, np.asarray(translation_m, dtype=np.float64))

    def as_pose(self) -> NDArrayFloat:
        """The tables' (qw, qx, qy, qz, x_m, y_m, z_m), with qw >= 0, shape (7,)."""
        if np.isnan(self.rotation).any():
            return np.full(7, np.nan)
        quaternion = Rotation.from_matrix(self.rotation).as_quat(canonical=True, scalar_first=True)
        return np.concatenate([quaternion, self.translation_m])

    @property
    def matrix(self) -> NDArrayFloat:
        """As (4, 4), of homogeneous points."""
        whole = np.eye(4)
        whole[:3, :3], whole[:3, 3] = self.rotation, self.translation_m
        return whole

    def inverse(self) -> "SE3":
        """The transform back, `src_SE3_dst`."""
        return SE3(self.rotation.T, -self.rotation.T @ self.translation_m)

    def levelled(self) -> "SE3":
        """The frame at the same place whose z axis is up and whose x axis looks the same way."""
        forward = self.rotation[:, 0]
        return SE3.from_yaw(float(np.arctan2(forward[1], forward[0])), self.translation_m)

    def __matmul__(self, other: "SE3") -> "SE3":
        """Chain: `a_SE3_b @ b_SE3_c` is `a_SE3_c`."""
        return SE3(
            self.rotation @ other.rotation, self.transform_points(other.translation_m[None])[0]
        )

    def transform_points(self, points_m: NDArrayFloat) -> NDArrayFloat:
        """Take (N, 3) points from the source to the destination frame."""
        return points_m @ self.rotation.T + self.translation_m

    def rotate(self, vectors: NDArrayFloat) -> NDArrayFloat:
        """Turn (N, 3) directions or velocities without moving them."""
        return vectors @ self.rotation.T

    def transform_yaw(self, yaw_rad: NDArrayFloat) -> NDArrayFloat:
        """Headings (N,) in the destination frame, by turning their unit vectors."""
        flat = np.zeros_like(yaw_rad)
        heading = self.rotate(np.stack([np.cos(yaw_rad), np.sin(yaw_rad), flat], axis=1))
        return direction_of(heading)
