"""Which of many points lie in which of many boxes, without comparing each with each."""

import numpy as np
from scipy.spatial import KDTree

from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.geometry.boxes import points_in_own_boxes

_LEAF_POINTS = 64  # trees of a few boxes' queries are built faster than they are searched
_ROUNDING = 1e-6  # of radii, so that no corner is lost


def points_by_box(
    points_m: NDArrayFloat | NDArrayFloat32,
    center_m: NDArrayFloat,
    length_m: NDArrayFloat,
    width_m: NDArrayFloat,
    height_m: NDArrayFloat,
    yaw_rad: NDArrayFloat,
) -> tuple[NDArrayInt, NDArrayInt]:
    """Pairs of a box and a point within it (same frame); faces count.

    The same answer as `geometry.boxes.points_in_boxes`, in memory that grows with the points
    near boxes instead of points times boxes.

    Args:
        points_m: (P, 3).
        center_m: (N, 3) box centres.
        length_m: (N,) along the heading.
        width_m: (N,) across the heading.
        height_m: (N,).
        yaw_rad: (N,).

    Returns:
        Box (K,), ascending, and point (K,), ascending within a box.
    """
    if not len(points_m) or not len(center_m):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    tree = KDTree(points_m[:, :2], _LEAF_POINTS, compact_nodes=False, balanced_tree=False)
    reach_m = np.hypot(length_m, width_m) / 2 * (1 + _ROUNDING)
    near = tree.query_ball_point(center_m[:, :2], reach_m, return_sorted=True)
    box = np.repeat(np.arange(len(center_m)), [len(points) for points in near])
    point = np.concatenate([np.asarray(points, dtype=np.int64) for points in near])
    inside = points_in_own_boxes(
        points_m[point].astype(np.float64),
        center_m[box],
        length_m[box],
        width_m[box],
        height_m[box],
        yaw_rad[box],
    )
    return box[inside], point[inside]
