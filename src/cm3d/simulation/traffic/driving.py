"""Traffic in motion: everyone follows a path, and stops for whatever stands in it.

The intelligent driver model over the free way ahead: a vehicle looks along its own path for the
first place that another vehicle or a person covers, so that queues, merges and crossings need no
rules of their own. A closed traffic light is a wall at the stop line.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.town.polyline import Polyline

STEP_S: Final = 0.1
_LOOK_M: Final = np.arange(0.0, 36.0, 1.0)
_DISCS: Final = 6
_SIDE_MARGIN_M: Final = 0.3
_STANDSTILL_M: Final = 1.5
_HEADWAY_S: Final = 1.2
_ACCELERATION_MPS2: Final = 1.8
_BRAKING_MPS2: Final = 2.5
_HARDEST_BRAKING_MPS2: Final = 8.0
_LATERAL_MPS2: Final = 2.2


@dataclass(frozen=True, eq=False)
class Mover:
    """A vehicle, or a train of vehicles, on its path.

    Args:
        path: Curve that its middle follows.
        start_m: Arc length of its middle at the start.
        speed_mps: Speed at the start, and what the driver likes.
        length_m: From bumper to bumper.
        width_m: Full width.
        wall_m: Arc length that its front bumper may not pass; infinity on a green light.
    """

    path: Polyline
    start_m: float
    speed_mps: float
    length_m: float
    width_m: float
    wall_m: float = np.inf


def drive(movers: list[Mover], people_m: NDArrayFloat, steps: int) -> NDArrayFloat:
    """Let everyone drive.

    Args:
        movers: The vehicles, apart from each other at the start.
        people_m: (steps, P, 2) places that people are on or about to step on, at each step.
        steps: Number of steps of `STEP_S`.

    Returns:
        (steps, N) arc lengths of their middles.
    """
    arcs = np.empty((steps, len(movers)))
    if not movers:
        return arcs
    fleet = _Fleet(movers)
    arc_m = np.array([mover.start_m for mover in movers])
    speed_mps = np.minimum(fleet.wish_mps, fleet.speed_limit(arc_m))
    speed_mps = np.minimum(speed_mps, _safe_speed(fleet.free_way(arc_m, people_m[0])))
    for step in range(steps):
        arcs[step] = arc_m
        gap_m = fleet.free_way(arc_m, people_m[step])
        wish_mps = np.minimum(fleet.wish_mps, fleet.speed_limit(arc_m))
        faster_mps = speed_mps + STEP_S * _acceleration(speed_mps, wish_mps, gap_m)
        speed_mps = np.clip(faster_mps, 0, np.maximum(gap_m, 0) / STEP_S)
        arc_m = arc_m + STEP_S * speed_mps
    return arcs


class _Fleet:
    """The movers as arrays, paths sampled every metre."""

    def __init__(self, movers: list[Mover]) -> None:
        self.length_m = np.array([mover.length_m for mover in movers])
        self.width_m = np.array([mover.width_m for mover in movers])
        self.wish_mps = np.array([mover.speed_mps for mover in movers])
        self.wall_m = np.array([mover.wall_m for mover in movers])
        # Beyond its end a path goes straight on, and before its start too.
        self._before_m = 20.0
        longest = max(mover.path.length_m for mover in movers)
        arc = np.arange(-self._before_m, longest + 60.0, 1.0)
        self._points_m = np.stack([mover.path.at(arc) for mover in movers])
        yaw = np.stack([mover.path.heading_at(arc) for mover in movers])
        curvature = np.abs(np.gradient(yaw, axis=1))
        self._limit_mps = np.sqrt(_LATERAL_MPS2 / np.maximum(curvature, 1e-3))

    def speed_limit(self, arc_m: NDArrayFloat) -> NDArrayFloat:
        """Speed (N,) at which the bends of the next metres can still be taken."""
        ahead = np.array([0.0, 4.0, 8.0, 12.0])
        limit = self._lookup(self._limit_mps, arc_m[:, None] + ahead)
        return np.asarray(np.sqrt(limit**2 + 2 * 1.5 * ahead).min(axis=1))

    def free_way(self, arc_m: NDArrayFloat, people_m: NDArrayFloat) -> NDArrayFloat:
        """Distance (N,) from each front bumper to the first thing in the way."""
        discs_m, radius_m, owner = self._discs(arc_m)
        discs_m = np.concatenate([discs_m, people_m])
        radius_m = np.concatenate([radius_m, np.full(len(people_m), 0.5)])
        owner = np.concatenate([owner, np.full(len(people_m), -1)])
        front_m = arc_m + self.length_m / 2
        ahead_m = self._lookup(self._points_m, front_m[:, None] + _LOOK_M)
        offset_m = np.linalg.norm(ahead_m[:, :, None] - discs_m, axis=3)
        reach_m = self.width_m[:, None] / 2 + radius_m + _SIDE_MARGIN_M
        covered = (offset_m < reach_m[:, None]) & (owner != np.arange(len(arc_m))[:, None])[:, None]
        blocked = covered.any(axis=2)
        first_m = np.where(blocked.any(axis=1), _LOOK_M[blocked.argmax(axis=1)], np.inf)
        return np.minimum(
            first_m, np.where(self.wall_m > front_m - 1, self.wall_m - front_m, np.inf)
        )

    def _discs(self, arc_m: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat]:
        """Centres, radii and owners of the discs that cover the movers, nose to tail."""
        reach_m = np.maximum(self.length_m - self.width_m, 0) / 2
        along = arc_m[:, None] + reach_m[:, None] * np.linspace(-1, 1, _DISCS)
        centers_m = self._lookup(self._points_m, along).reshape(-1, 2)
        owner = np.repeat(np.arange(len(arc_m)), _DISCS)
        return centers_m, self.width_m[owner] / 2, owner

    def _lookup(self, table: NDArrayFloat, arc_m: NDArrayFloat) -> NDArrayFloat:
        """Values at arc lengths (N, K) from a table (N, samples, ...), to the nearest metre."""
        index = np.rint(arc_m + self._before_m).astype(np.int64)
        index = np.clip(index, 0, table.shape[1] - 1)
        return np.asarray(table[np.arange(len(table))[:, None], index])


def _acceleration(
    speed_mps: NDArrayFloat, wish_mps: NDArrayFloat, gap_m: NDArrayFloat
) -> NDArrayFloat:
    """The intelligent driver model towards something that may be about to stop."""
    stopping_m = speed_mps**2 / (2 * _BRAKING_MPS2)
    wanted_m = _STANDSTILL_M + 0.5 * _HEADWAY_S * speed_mps + stopping_m
    ratio = np.where(np.isinf(gap_m), 0.0, wanted_m / np.maximum(gap_m, 0.05))
    free = 1 - (speed_mps / np.maximum(wish_mps, 0.1)) ** 4
    return np.asarray(np.clip(_ACCELERATION_MPS2 * (free - ratio**2), -_HARDEST_BRAKING_MPS2, None))


def _safe_speed(gap_m: NDArrayFloat) -> NDArrayFloat:
    """Speed from which a normal stop is possible within a gap."""
    return np.asarray(np.sqrt(2 * _BRAKING_MPS2 * np.clip(gap_m - _STANDSTILL_M, 0, 100)))
