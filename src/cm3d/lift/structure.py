"""Boxes that are part of something larger: garage doors, shop windows, pictures on walls."""

import numpy as np
from scipy.spatial import KDTree

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.objects import Objects

_BESIDE_M = 0.3  # around a footprint: a wall may stand just behind the door that was found
_ABOVE_M = (0.3, 2.0)  # over a box's top; leaves and bridges are higher


def share_above(objects: Objects, points_m: NDArrayFloat) -> NDArrayFloat:
    """Of the points in the column of each box, the share (N,) that lies above it.

    Nothing stands on a car, but a wall goes on above its door.

    Args:
        objects: N objects.
        points_m: (P, 3) points above the ground, in the frame of the objects.
    """
    size, center_m = objects.size, objects.center_m
    if len(objects) == 0 or len(points_m) == 0:
        return np.zeros(len(objects))
    half_m = np.column_stack([size.length_m, size.width_m]) / 2 + _BESIDE_M
    tree = KDTree(points_m[:, :2], balanced_tree=False, compact_nodes=False)  # asked only once
    near = tree.query_ball_point(center_m[:, :2], np.hypot(*half_m.T), return_sorted=False)
    owner = np.repeat(np.arange(len(objects)), [len(rows) for rows in near])
    point = np.concatenate([np.asarray(rows, dtype=np.int64) for rows in near])
    offset_m = points_m[point] - center_m[owner]
    yaw_rad = objects.headings.yaw_rad[owner]
    along_m = np.cos(yaw_rad) * offset_m[:, 0] + np.sin(yaw_rad) * offset_m[:, 1]
    across_m = np.cos(yaw_rad) * offset_m[:, 1] - np.sin(yaw_rad) * offset_m[:, 0]
    beneath = (np.abs(along_m) < half_m[owner, 0]) & (np.abs(across_m) < half_m[owner, 1])
    # as high as its class: the mask of a door would make a box as high as the wall
    top_m = objects.known.size.height_m - size.height_m / 2
    over_m = offset_m[:, 2] - top_m[owner]
    above = beneath & (over_m > _ABOVE_M[0]) & (over_m < _ABOVE_M[1])
    within = beneath & (over_m <= 0)
    count = np.bincount(owner[above], minlength=len(objects))
    return np.asarray(
        count / np.maximum(count + np.bincount(owner[within], minlength=len(objects)), 1)
    )
