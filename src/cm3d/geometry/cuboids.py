"""Cuboids: gravity-aligned boxes, their corners, and the points within them."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class Cuboids(Rows):
    """N gravity-aligned boxes in one frame.

    Args:
        center_m: (N, 3) centres.
        length_m: (N,) extents along the heading.
        width_m: (N,) extents across the heading.
        height_m: (N,) vertical extents.
        yaw_rad: (N,) headings about +z, from the x axis.
    """

    center_m: NDArrayFloat
    length_m: NDArrayFloat
    width_m: NDArrayFloat
    height_m: NDArrayFloat
    yaw_rad: NDArrayFloat

    @property
    def size_m(self) -> NDArrayFloat:
        """Length, width and height (N, 3)."""
        return np.stack([self.length_m, self.width_m, self.height_m], axis=1)


@dataclass(frozen=True, eq=False)
class Rectangles(Rows):
    """N boxes seen from above.

    Args:
        center_m: (N, 2) centres.
        length_m: (N,) extents along the heading.
        width_m: (N,) extents across the heading.
        yaw_rad: (N,) headings, from the x axis.
    """

    center_m: NDArrayFloat
    length_m: NDArrayFloat
    width_m: NDArrayFloat
    yaw_rad: NDArrayFloat


# Corner signs along (length, width, height): the bottom face counter-clockwise from the
# front left, seen from above, then the top face in the same order.
_CORNER_SIGNS = np.array(
    [
        [1, 1, -1],
        [-1, 1, -1],
        [-1, -1, -1],
        [1, -1, -1],
        [1, 1, 1],
        [-1, 1, 1],
        [-1, -1, 1],
        [1, -1, 1],
    ],
    dtype=np.float64,
)


def rotate_xy(vectors: NDArrayFloat, yaw_rad: NDArrayFloat) -> NDArrayFloat:
    """Turn (..., 2) vectors by (...) angles, counter-clockwise."""
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)


def box_corners(boxes: Cuboids) -> NDArrayFloat:
    """Corners (N, 8, 3) of N boxes, bottom face first."""
    corners = boxes.size_m[:, None, :] / 2 * _CORNER_SIGNS
    corners[..., :2] = rotate_xy(corners[..., :2], boxes.yaw_rad[:, None])
    return np.asarray(corners + boxes.center_m[:, None, :])


def bev_corners(boxes: Cuboids | Rectangles) -> NDArrayFloat:
    """Footprints (N, 4, 2), counter-clockwise from the front left corner."""
    half = np.stack([boxes.length_m, boxes.width_m], axis=1)[:, None, :] / 2
    corners = rotate_xy(half * _CORNER_SIGNS[:4, :2], boxes.yaw_rad[:, None])
    return np.asarray(corners + boxes.center_m[:, None, :2])


def points_in_boxes(points_m: NDArrayFloat, boxes: Cuboids) -> NDArrayBool:
    """Which of P points (P, 3) lie in which of N boxes (same frame), shape (N, P); faces count."""
    offset_m = points_m[None] - boxes.center_m[:, None]
    return _within(offset_m, boxes.size_m[:, None], boxes.yaw_rad[:, None])


def points_in_own_boxes(points_m: NDArrayFloat, boxes: Cuboids) -> NDArrayBool:
    """Whether each of N points (N, 3) lies in the box of its row, shape (N,); faces count."""
    return _within(points_m - boxes.center_m, boxes.size_m, boxes.yaw_rad)


def _within(offset_m: NDArrayFloat, size_m: NDArrayFloat, yaw_rad: NDArrayFloat) -> NDArrayBool:
    """Whether (..., 3) offsets from a box's centre stay inside; sizes are length, width, height."""
    along_xy_m, half_m = rotate_xy(offset_m[..., :2], -yaw_rad), size_m / 2
    inside = np.abs(along_xy_m[..., 0]) <= half_m[..., 0]
    inside &= np.abs(along_xy_m[..., 1]) <= half_m[..., 1]
    inside &= np.abs(offset_m[..., 2]) <= half_m[..., 2]
    return np.asarray(inside)


_LEAF_POINTS = 64  # trees of a few boxes' queries are built faster than they are searched
_ROUNDING = 1e-6  # of radii, so that no corner is lost


def points_by_box(
    points_m: NDArrayFloat | NDArrayFloat32, boxes: Cuboids
) -> tuple[NDArrayInt, NDArrayInt]:
    """Pairs of a box and a point (P, 3) within it (same frame); faces count.

    The same answer as `points_in_boxes`, in memory that grows with the points near boxes instead
    of points times boxes.

    Returns:
        Box (K,), ascending, and point (K,), ascending within a box.
    """
    if not len(points_m) or not len(boxes):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    tree = KDTree(points_m[:, :2], _LEAF_POINTS, compact_nodes=False, balanced_tree=False)
    reach_m = np.hypot(boxes.length_m, boxes.width_m) / 2 * (1 + _ROUNDING)
    near = tree.query_ball_point(boxes.center_m[:, :2], reach_m, return_sorted=True)
    box = np.repeat(np.arange(len(boxes)), [len(points) for points in near])
    point = np.concatenate([np.asarray(points, dtype=np.int64) for points in near])
    inside = points_in_own_boxes(points_m[point].astype(np.float64), boxes[box])
    return box[inside], point[inside]
