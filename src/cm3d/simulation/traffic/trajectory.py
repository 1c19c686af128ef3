"""Where something is over time."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.interpolate import CubicSpline

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Poses sampled over time, joined by cubic splines; outside the samples it holds the ends.

    Args:
        times_s: (T,) increasing; a single time is something that never moves.
        xy_m: (T, 2) global position.
        yaw_rad: (T,) global heading, unwrapped.
        z_m: Height of the surface it stands on.
    """

    times_s: NDArrayFloat
    xy_m: NDArrayFloat
    yaw_rad: NDArrayFloat
    z_m: float = 0.0

    @classmethod
    def still(cls, xy_m: NDArrayFloat, yaw_rad: float, z_m: float = 0.0) -> Self:
        """Something that stays at (2,) for ever."""
        return cls(np.zeros(1), np.reshape(xy_m, (1, 2)), np.array([yaw_rad]), z_m)

    @property
    def moves(self) -> bool:
        """Whether there is more than one pose."""
        return len(self.times_s) > 1

    def position_m(self, time_s: float) -> NDArrayFloat:
        """Global x, y, shape (2,)."""
        return self._pose(time_s)[:2]

    def heading_rad(self, time_s: float) -> float:
        """Global heading, in no particular turn."""
        return float(self._pose(time_s)[2])

    def velocity_mps(self, time_s: float) -> NDArrayFloat:
        """Global velocity, shape (2,): the derivative of `position_m`."""
        inside = self.moves and self.times_s[0] <= time_s <= self.times_s[-1]
        return np.asarray(self._spline(time_s, 1)[:2]) if inside else np.zeros(2)

    def global_SE3_ego(self, time_s: float) -> SE3:
        """Pose of what stands on the road surface at this place."""
        x, y, yaw_rad = self._pose(time_s)
        return SE3.from_yaw(float(yaw_rad), np.array([x, y, self.z_m]))

    def _pose(self, time_s: float) -> NDArrayFloat:
        if not self.moves:
            return np.array([*self.xy_m[0], self.yaw_rad[0]])
        return np.asarray(self._spline(np.clip(time_s, self.times_s[0], self.times_s[-1])))

    @cached_property
    def _spline(self) -> CubicSpline:
        return CubicSpline(self.times_s, np.column_stack([self.xy_m, self.yaw_rad]))
