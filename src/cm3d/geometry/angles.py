"""Angles in radians."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat


def wrap_angle(angle_rad: NDArrayFloat, period_rad: float = 2 * np.pi) -> NDArrayFloat:
    """The equivalent angle in [-period/2, period/2)."""
    return (angle_rad + period_rad / 2) % period_rad - period_rad / 2
