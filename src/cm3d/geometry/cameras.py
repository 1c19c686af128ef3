"""Pinhole cameras: from points and boxes to pixels."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat

_NEAR_M = 0.1

# Pairs of corners, as `geometry.cuboids.box_corners` orders them, that share an edge.
_EDGES = np.array(
    [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]]
)


def project_points(
    points_camera_m: NDArrayFloat, intrinsics_px: NDArrayFloat
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Project points onto the image plane.

    Args:
        points_camera_m: (N, 3) in the camera frame: x right, y down, z forward.
        intrinsics_px: (3, 3) pinhole matrix.

    Returns:
        (N, 2) u, v in pixels and (N,) depth in metres. Pixels of points with depth <= 0 are
        meaningless; drop them with `inside_image`.
    """
    depth_m = points_camera_m[:, 2]
    safe_depth_m = np.where(depth_m > 0, depth_m, 1.0)
    homogeneous = points_camera_m @ intrinsics_px.T
    return homogeneous[:, :2] / safe_depth_m[:, None], depth_m


def inside_image(
    pixels: NDArrayFloat,
    depth_m: NDArrayFloat,
    width_px: int,
    height_px: int,
    min_depth_m: float,
) -> NDArrayBool:
    """Which projected points (N, 2) lie in front of the camera and within its image."""
    u, v = pixels[:, 0], pixels[:, 1]
    within = (u >= 0) & (u < width_px) & (v >= 0) & (v < height_px)
    return np.asarray(within & (depth_m > min_depth_m))


def scale_intrinsics(intrinsics_px: NDArrayFloat, x_scale: float, y_scale: float) -> NDArrayFloat:
    """Intrinsics (3, 3) of the same camera after its image was resized."""
    return np.diag([x_scale, y_scale, 1.0]) @ intrinsics_px


def outline_boxes(
    corners_camera_m: NDArrayFloat, intrinsics_px: NDArrayFloat, width_px: int, height_px: int
) -> NDArrayFloat:
    """The smallest image boxes around the visible part of 3D boxes, clipped to the image.

    What lies behind the camera is cut off, so a box that the camera stands beside keeps the
    outline of its front part.

    Args:
        corners_camera_m: (N, 8, 3) in the camera frame, see `geometry.cuboids.box_corners`.
        intrinsics_px: (3, 3) pinhole matrix.
        width_px: Image width.
        height_px: Image height.

    Returns:
        (N, 4) x_min, y_min, x_max, y_max; all zero where nothing is in the image.
    """
    points_m = np.concatenate([corners_camera_m, _near_crossings(corners_camera_m)], axis=1)
    in_front = points_m[..., 2] >= _NEAR_M
    homogeneous = points_m @ intrinsics_px.T
    pixels = homogeneous[..., :2] / np.where(in_front, points_m[..., 2], 1.0)[..., None]
    low = np.where(in_front[..., None], pixels, np.inf).min(axis=1)
    high = np.where(in_front[..., None], pixels, -np.inf).max(axis=1)
    size_px = np.array([width_px, height_px])
    boxes_px = np.concatenate([np.clip(low, 0, size_px), np.clip(high, 0, size_px)], axis=1)
    visible = np.all(boxes_px[:, 2:] > boxes_px[:, :2], axis=1)
    return np.where(visible[:, None], boxes_px, 0.0)


def _near_crossings(corners_m: NDArrayFloat) -> NDArrayFloat:
    """Where edges pass the near plane (N, 12, 3); edges that do not give their own start."""
    start_m, end_m = corners_m[:, _EDGES[:, 0]], corners_m[:, _EDGES[:, 1]]
    rise_m = end_m[..., 2] - start_m[..., 2]
    crosses = (start_m[..., 2] < _NEAR_M) != (end_m[..., 2] < _NEAR_M)
    share = np.where(crosses, (_NEAR_M - start_m[..., 2]) / np.where(crosses, rise_m, 1.0), 0.0)
    crossings_m = start_m + share[..., None] * (end_m - start_m)
    crossings_m[..., 2] = np.where(crosses, _NEAR_M, start_m[..., 2])
    return np.asarray(crossings_m)
