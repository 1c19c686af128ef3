"""Rectangles around groups of points, seen from above."""

from typing import Literal, NamedTuple

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.boxes import rotate_xy
from cm3d.geometry.l_shape import closest_directions

_STEP_RAD = np.deg2rad(1.0)


class Rectangles(NamedTuple):
    """N rotated rectangles in the frame of their points.

    Args:
        center_m: (N, 2).
        length_m: (N,) the longer sides.
        width_m: (N,) the shorter sides.
        yaw_rad: (N,) directions of the longer sides, either way round.
    """

    center_m: NDArrayFloat
    length_m: NDArrayFloat
    width_m: NDArrayFloat
    yaw_rad: NDArrayFloat

    def select(self, chosen: NDArrayBool) -> "Rectangles":
        """Some of the rectangles."""
        return Rectangles(*(column[chosen] for column in self))


def fit_rectangles(
    groups_m: list[NDArrayFloat], criterion: Literal["closeness", "min_area"], min_side_m: float
) -> Rectangles:
    """The rectangle around each group of points.

    Args:
        groups_m: Points (P_i, 2) of each group, P_i >= 1.
        criterion: How its direction is chosen. `min_area` is SAM3D's. It is blind where the
            sensor sees two sides only: around an L, the rectangle along the diagonal is as small
            as the one along the legs. `closeness` takes the direction whose edges most points
            lie on, see `closest_directions`.
        min_side_m: Sides are at least this long: a row of returns has no width of its own.
    """
    direction = {"closeness": _closest_direction, "min_area": _smallest_direction}[criterion]
    angle_rad = np.array([direction(points_m) for points_m in groups_m])
    aligned = [rotate_xy(p, -a) for p, a in zip(groups_m, angle_rad, strict=True)]
    low = np.array([points_m.min(axis=0) for points_m in aligned]).reshape(-1, 2)
    high = np.array([points_m.max(axis=0) for points_m in aligned]).reshape(-1, 2)
    along_m, across_m = np.maximum(high - low, min_side_m).T
    return Rectangles(
        rotate_xy((low + high) / 2, angle_rad),
        np.maximum(along_m, across_m),
        np.minimum(along_m, across_m),
        angle_rad + np.where(across_m > along_m, np.pi / 2, 0.0),
    )


def _smallest_direction(points_m: NDArrayFloat) -> float:
    _, _, angle_deg = cv2.minAreaRect(points_m.astype(np.float32))
    return float(np.deg2rad(angle_deg))


def _closest_direction(points_m: NDArrayFloat) -> float:
    there = np.ones((1, len(points_m)), dtype=bool)
    return float(closest_directions(points_m[None], there, _STEP_RAD)[0])
