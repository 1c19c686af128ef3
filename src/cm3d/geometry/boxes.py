"""Gravity-aligned boxes as arrays: centre, length, width, height, yaw."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat

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


def box_corners(
    center_m: NDArrayFloat,
    length_m: NDArrayFloat,
    width_m: NDArrayFloat,
    height_m: NDArrayFloat,
    yaw_rad: NDArrayFloat,
) -> NDArrayFloat:
    """Corners (N, 8, 3) of N boxes, bottom face first."""
    half = np.stack([length_m, width_m, height_m], axis=1)[:, None, :] / 2
    corners = half * _CORNER_SIGNS
    corners[..., :2] = rotate_xy(corners[..., :2], np.asarray(yaw_rad)[:, None])
    return np.asarray(corners + center_m[:, None, :])


def bev_corners(
    center_m: NDArrayFloat, length_m: NDArrayFloat, width_m: NDArrayFloat, yaw_rad: NDArrayFloat
) -> NDArrayFloat:
    """Footprints (N, 4, 2), counter-clockwise from the front left corner.

    `center_m` is (N, 2) or (N, 3); height plays no part.
    """
    half = np.stack([length_m, width_m], axis=1)[:, None, :] / 2
    corners = rotate_xy(half * _CORNER_SIGNS[:4, :2], np.asarray(yaw_rad)[:, None])
    return np.asarray(corners + center_m[:, None, :2])


def points_in_boxes(
    points_m: NDArrayFloat,
    center_m: NDArrayFloat,
    length_m: NDArrayFloat,
    width_m: NDArrayFloat,
    height_m: NDArrayFloat,
    yaw_rad: NDArrayFloat,
) -> NDArrayBool:
    """Which of P points lie in which of N boxes (same frame), shape (N, P); faces count."""
    offset_m = points_m[None] - center_m[:, None]
    size_m = np.stack([length_m, width_m, height_m], axis=1)
    return _within(offset_m, size_m[:, None], np.asarray(yaw_rad)[:, None])


def points_in_own_boxes(
    points_m: NDArrayFloat,
    center_m: NDArrayFloat,
    length_m: NDArrayFloat,
    width_m: NDArrayFloat,
    height_m: NDArrayFloat,
    yaw_rad: NDArrayFloat,
) -> NDArrayBool:
    """Whether each of N points lies in the box of its row, shape (N,); faces count."""
    size_m = np.stack([length_m, width_m, height_m], axis=1)
    return _within(points_m - center_m, size_m, yaw_rad)


def _within(offset_m: NDArrayFloat, size_m: NDArrayFloat, yaw_rad: NDArrayFloat) -> NDArrayBool:
    """Whether (..., 3) offsets from a box's centre stay inside; sizes are length, width, height."""
    along_xy_m, half_m = rotate_xy(offset_m[..., :2], -yaw_rad), size_m / 2
    inside = np.abs(along_xy_m[..., 0]) <= half_m[..., 0]
    inside &= np.abs(along_xy_m[..., 1]) <= half_m[..., 1]
    inside &= np.abs(offset_m[..., 2]) <= half_m[..., 2]
    return np.asarray(inside)
