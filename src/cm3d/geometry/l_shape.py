"""The direction of a rectangle of which the sensor sees one side or two."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat

_ON_EDGE_M = 0.05  # nearer points count alike: range noise and the curve of real bodywork


def closest_directions(
    xy_m: NDArrayFloat, valid: NDArrayBool, step_rad: float = np.deg2rad(2.0)
) -> NDArrayFloat:
    """Directions (N,) in [0, pi/2) whose enclosing rectangle has most points on its edges.

    The closeness criterion of Zhang et al., "Efficient L-shape fitting for vehicle detection
    using laser scanners" (2017): the largest sum of inverse distances from the points to the
    nearest edge.

    Args:
        xy_m: (N, K, 2) points of N objects.
        valid: (N, K) which of them are there.
        step_rad: Distance between the directions that are tried.
    """
    angle_rad = np.arange(0.0, np.pi / 2, step_rad)
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    x_m, y_m = xy_m[:, None, :, 0], xy_m[:, None, :, 1]
    along_m = cosine[:, None] * x_m + sine[:, None] * y_m
    across_m = cosine[:, None] * y_m - sine[:, None] * x_m
    there = valid[:, None]
    to_edge_m = np.minimum(_to_side(along_m, there), _to_side(across_m, there))
    closeness = np.where(there, 1 / np.maximum(to_edge_m, _ON_EDGE_M), 0.0).sum(axis=2)
    return np.asarray(angle_rad[np.argmax(closeness, axis=1)])


def _to_side(position_m: NDArrayFloat, there: NDArrayBool) -> NDArrayFloat:
    """Distance of each position to the nearer end of its row's range."""
    low_m = np.where(there, position_m, np.inf).min(axis=2, keepdims=True)
    high_m = np.where(there, position_m, -np.inf).max(axis=2, keepdims=True)
    return np.asarray(np.minimum(position_m - low_m, high_m - position_m))
