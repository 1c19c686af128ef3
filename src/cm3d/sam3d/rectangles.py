"""Rectangles around groups of points, seen from above."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import Rectangles, rotate_xy
from cm3d.geometry.l_shape import closest_directions
from cm3d.params import SizeGroup

_STEP_RAD = np.deg2rad(1.0)


def fit_rectangles(
    groups_m: list[NDArrayFloat], criterion: Literal["closeness", "min_area"], min_side_m: float
) -> Rectangles:
    """The rectangle around each group of points, its length along the longer side.

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


NO_GROUP = -1


def size_group(
    rectangles: Rectangles, height_m: NDArrayFloat, count: NDArrayInt, groups: Sequence[SizeGroup]
) -> NDArrayInt:
    """The first group (index into `groups`) that each of N segments fits, or `NO_GROUP`.

    Args:
        rectangles: The segments' footprints.
        height_m: (N,) from what each stands on to the highest point.
        count: (N,) points.
        groups: Ranges of what is seen of an object; both ends count.
    """
    seen_m = np.stack([rectangles.length_m, rectangles.width_m, height_m], axis=1)[:, None]
    ranges_m = np.array([(g.length_m, g.width_m, g.height_m) for g in groups])
    fits = np.all((seen_m >= ranges_m[..., 0]) & (seen_m <= ranges_m[..., 1]), axis=2)
    fits &= count[:, None] >= np.array([group.min_points for group in groups])
    return np.where(fits.any(axis=1), fits.argmax(axis=1), NO_GROUP)


def complete(rectangles: Rectangles, group: NDArrayInt, groups: Sequence[SizeGroup]) -> Rectangles:
    """Grow rectangles to the least size of their group, away from the sensor at the origin.

    The sensor sees one or two sides: a row of returns as long as a car is the side of one. What
    is no longer than its group is wide is seen from an end, and reaches along the line of sight.

    Args:
        rectangles: N footprints in the sensor's frame.
        group: (N,) index of each into `groups`.
        groups: As for `size_group`.
    """
    whole_m = np.array([(g.whole_length_m, g.whole_width_m) for g in groups])[group]
    read = _with_length_along_sight(rectangles, whole_m[:, 1])
    seen_m = np.stack([read.length_m, read.width_m], axis=1)
    grown_m = np.maximum(seen_m, whole_m)
    length_m, width_m = grown_m.T
    away = np.sign(rotate_xy(read.center_m, -read.yaw_rad))
    shift_m = rotate_xy(away * (grown_m - seen_m) / 2, read.yaw_rad)
    return Rectangles(read.center_m + shift_m, length_m, width_m, read.yaw_rad)


def _with_length_along_sight(rectangles: Rectangles, whole_width_m: NDArrayFloat) -> Rectangles:
    """Turn rectangles that are short and lie across the line of sight by a right angle."""
    length_m, width_m, yaw_rad = rectangles.length_m, rectangles.width_m, rectangles.yaw_rad
    along_m, across_m = np.abs(rotate_xy(rectangles.center_m, -yaw_rad)).T
    end_on = (length_m <= whole_width_m) & (across_m > along_m)
    return Rectangles(
        rectangles.center_m,
        np.where(end_on, width_m, length_m),
        np.where(end_on, length_m, width_m),
        yaw_rad + np.where(end_on, np.pi / 2, 0.0),
    )
