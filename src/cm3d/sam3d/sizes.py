"""Which segments have the size of an object, and how far it reaches where the sensor cannot see."""

from collections.abc import Sequence

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.boxes import rotate_xy
from cm3d.params import SizeGroup
from cm3d.sam3d.rectangles import Rectangles

NO_GROUP = -1


def size_group(
    rectangles: Rectangles, height_m: NDArrayFloat, count: NDArrayInt, groups: Sequence[SizeGroup]
) -> NDArrayInt:
    """The first group (index into `groups`) that each of N segments fits, or `NO_GROUP`.

    Args:
        rectangles: The segments' footprints.
        height_m: (N,) from the ground to the highest point.
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
    center_m, length_m, width_m, yaw_rad = rectangles
    along_m, across_m = np.abs(rotate_xy(center_m, -yaw_rad)).T
    end_on = (length_m <= whole_width_m) & (across_m > along_m)
    return Rectangles(
        center_m,
        np.where(end_on, width_m, length_m),
        np.where(end_on, length_m, width_m),
        yaw_rad + np.where(end_on, np.pi / 2, 0.0),
    )
