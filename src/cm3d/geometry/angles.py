"""Angles in radians."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat


def wrap_angle(angle_rad: NDArrayFloat, period_rad: float = 2 * np.pi) -> NDArrayFloat:
    """The equivalent angle in [-period/2, period/2)."""
    return (angle_rad + period_rad / 2) % period_rad - period_rad / 2


def turned_towards(axis_rad: NDArrayFloat, reference_rad: NDArrayFloat) -> NDArrayFloat:
    """Of an axis's two directions the one that is nearer to a reference; both broadcast."""
    half_turns = np.round((reference_rad - axis_rad) / np.pi)
    return np.asarray(wrap_angle(axis_rad + np.pi * half_turns))


def direction_of(vectors: NDArrayFloat) -> NDArrayFloat:
    """Angle (...) about +z from the x axis of vectors (..., 2) or (..., 3).

    Copies its columns: numpy's arctan2 of strided arrays takes one of two loops, whose last bits
    differ, by where in memory the result happens to lie.
    """
    x, y = np.ascontiguousarray(np.moveaxis(vectors[..., :2], -1, 0))
    return np.asarray(np.arctan2(y, x))


def quaternions_wxyz(yaw_rad: NDArrayFloat) -> NDArrayFloat:
    """Rotations (N, 4) about +z by angles (N,)."""
    zero = np.zeros_like(yaw_rad)
    return np.stack([np.cos(yaw_rad / 2), zero, zero, np.sin(yaw_rad / 2)], axis=1)
