"""Rectangles around groups of points, seen from above."""

from typing import NamedTuple

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat


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


def smallest_rectangles(groups_m: list[NDArrayFloat], min_side_m: float) -> Rectangles:
    """The rectangle of least area around each group of points (P_i, 2), P_i >= 1.

    Args:
        groups_m: Points of each group.
        min_side_m: Sides are at least this long: a row of returns has no width of its own.
    """
    fits = [cv2.minAreaRect(points_m.astype(np.float32)) for points_m in groups_m]
    # OpenCV measures the angle to the first side.
    rows = np.array([(*center, *sides, angle) for center, sides, angle in fits]).reshape(-1, 5)
    center_m, first_m, second_m = rows[:, :2], rows[:, 2], rows[:, 3]
    across = second_m > first_m
    return Rectangles(
        center_m,
        np.maximum(np.maximum(first_m, second_m), min_side_m),
        np.maximum(np.minimum(first_m, second_m), min_side_m),
        np.deg2rad(rows[:, 4]) + np.where(across, np.pi / 2, 0.0),
    )
