"""Pinhole projection."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat


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
