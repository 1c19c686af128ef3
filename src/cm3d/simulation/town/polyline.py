"""Curves in the ground plane, by arc length."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from cm3d.geometry.angles import direction_of
from cm3d.geometry.arrays import NDArrayFloat


@dataclass(frozen=True, eq=False)
class Polyline:
    """A curve through points.

    Args:
        points_m: (N, 2), consecutive ones distinct.
    """

    points_m: NDArrayFloat

    @classmethod
    def between(
        cls, start_m: NDArrayFloat, start_rad: float, end_m: NDArrayFloat, end_rad: float
    ) -> Self:
        """A smooth curve from one pose to another, sampled about every 0.5 m.

        A cubic Bezier; 0.39 of the chord is the handle that makes a quarter turn round.
        """
        chord_m = float(np.linalg.norm(end_m - start_m))
        handles = 0.39 * chord_m * _direction(np.array([start_rad, end_rad]))
        control = np.stack([start_m, start_m + handles[0], end_m - handles[1], end_m])
        t = np.linspace(0, 1, max(8, int(2.4 * chord_m)))[:, None]
        weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
        return cls(weights @ control)

    @classmethod
    def joined(cls, parts: list["Polyline"]) -> Self:
        """Parts one after the other; a point shared by two parts is kept once."""
        points = np.concatenate([part.points_m for part in parts])
        step = np.linalg.norm(np.diff(points, axis=0), axis=1)
        return cls(points[np.concatenate([[True], step > 1e-6])])

    @cached_property
    def arc_m(self) -> NDArrayFloat:
        """Arc length at each point, (N,)."""
        steps = np.linalg.norm(np.diff(self.points_m, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @cached_property
    def yaw_rad(self) -> NDArrayFloat:
        """Unwrapped heading at each point, (N,)."""
        tangent = np.gradient(self.points_m, self.arc_m, axis=0)
        return np.unwrap(direction_of(tangent))

    @property
    def length_m(self) -> float:
        """Whole arc length."""
        return float(self.arc_m[-1])

    def at(self, arc_m: NDArrayFloat, left_m: NDArrayFloat | float = 0.0) -> NDArrayFloat:
        """Positions (S, 2) at arc lengths (S,), shifted to the left; straight beyond the ends."""
        inside = np.clip(arc_m, 0, self.length_m)
        base = np.stack([np.interp(inside, self.arc_m, column) for column in self.points_m.T], 1)
        forward = _direction(self.heading_at(arc_m))
        left = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
        shift = np.broadcast_to(left_m, np.shape(arc_m))
        return np.asarray(base + (arc_m - inside)[:, None] * forward + shift[:, None] * left)

    def heading_at(self, arc_m: NDArrayFloat) -> NDArrayFloat:
        """Headings (S,) at arc lengths (S,)."""
        return np.interp(arc_m, self.arc_m, self.yaw_rad)

    def pose(self, arc_m: float, left_m: float = 0.0) -> tuple[NDArrayFloat, float]:
        """Position (2,) and heading at one arc length."""
        where = np.array([arc_m])
        return self.at(where, left_m)[0], float(self.heading_at(where)[0])

    def shifted(self, left_m: float) -> "Polyline":
        """The parallel curve to the left."""
        return Polyline(self.at(self.arc_m, left_m))

    def reversed(self) -> "Polyline":
        """The same curve the other way."""
        return Polyline(self.points_m[::-1])

    def cut(self, start_m: float, end_m: float, step_m: float = 1.0) -> "Polyline":
        """A piece, resampled at about `step_m`."""
        count = max(2, int(np.ceil((end_m - start_m) / step_m)) + 1)
        return Polyline(self.at(np.linspace(start_m, end_m, count)))

    def nearest_arc_m(self, point_m: NDArrayFloat) -> float:
        """Arc length of the vertex nearest to a point (2,)."""
        return float(self.arc_m[np.argmin(np.linalg.norm(self.points_m - point_m, axis=1))])


def _direction(yaw_rad: NDArrayFloat) -> NDArrayFloat:
    return np.stack([np.cos(yaw_rad), np.sin(yaw_rad)], axis=-1)
