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
    offset = points_m[None] - center_m[:, None]
    along_xy = rotate_xy(offset[..., :2], -np.asarray(yaw_rad)[:, None])
    inside = np.abs(along_xy[..., 0]) <= length_m[:, None] / 2
    inside &= np.abs(along_xy[..., 1]) <= width_m[:, None] / 2
    inside &= np.abs(offset[..., 2]) <= height_m[:, None] / 2
    return np.asarray(inside)
