"""Who drives where: the ego vehicle and the vehicles in motion around it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import Rectangles, bev_corners
from cm3d.simulation.town.lanes import Movement
from cm3d.simulation.town.polyline import Polyline
from cm3d.simulation.traffic.actors import Actor, Body
from cm3d.simulation.traffic.driving import Mover, drive
from cm3d.simulation.traffic.setting import (
    EGO_AXLE_TO_CENTER_M,
    EGO_LENGTH_M,
    EGO_WIDTH_M,
    Occupancy,
    Setting,
)
from cm3d.simulation.traffic.trajectory import Trajectory

_NEAR_M: Final = 48.0
_NEAR_CYCLE_M: Final = 36.0
_FAR_STOP_M: Final = 35.0
_START_GAP_M: Final = 2.0
_COUPLING_M: Final = 0.7
_ATTEMPTS: Final = 80


@dataclass(frozen=True, eq=False)
class _Vehicle:
    """A mover and the bodies that it consists of, each with its offset along the path."""

    mover: Mover
    bodies: tuple[tuple[Body, float], ...]


def ego_mover(setting: Setting) -> Mover:
    """The ego vehicle among the others."""
    return Mover(
        setting.ego_movement.path,
        setting.ego_start_m,
        setting.ego_speed_mps,
        EGO_LENGTH_M,
        EGO_WIDTH_M,
        setting.wall_m(setting.ego_movement),
    )


def set_off(
    rng: Generator, setting: Setting, taken: Occupancy, people_m: NDArrayFloat
) -> tuple[Trajectory, list[Actor]]:
    """Put vehicles on the lanes and let them drive.

    Args:
        rng: Draws the vehicles.
        setting: The scene.
        taken: Ground that is not free at the start.
        people_m: (T, P, 2) where people are or will be on the road, at `setting.times_s`.

    Returns:
        The ego vehicle's trajectory (of its frame, not its middle), and the other vehicles.
    """
    ego = ego_mover(setting)
    taken.take(_footprint(ego.path, ego.start_m, ego.length_m, ego.width_m))
    vehicles = [
        vehicle
        for kind in _kinds(rng, setting)
        for vehicle in [_vehicle(rng, setting, taken, kind)]
        if vehicle is not None
    ]
    movers = [ego, *(vehicle.mover for vehicle in vehicles)]
    times_s = setting.times_s
    arcs_m = drive(movers, people_m, len(times_s))
    ego_trajectory = _follow(times_s, ego.path, arcs_m[:, 0], -EGO_AXLE_TO_CENTER_M)
    actors = [
        body.on(_follow(times_s, vehicle.mover.path, arcs_m[:, index], offset_m))
        for index, vehicle in enumerate(vehicles, start=1)
        for body, offset_m in vehicle.bodies
    ]
    return ego_trajectory, actors


def _kinds(rng: Generator, setting: Setting) -> list[str]:
    """What drives about, the largest first since they find room least easily."""
    stop_m = setting.distance_m(setting.plot_middle_m(setting.nearest("bus_stop")))
    return [
        *["bus"] * setting.count(rng, int(stop_m > _FAR_STOP_M), 1),
        *["road_train"] * setting.count(rng, 0, 1),
        *["truck"] * setting.count(rng, 1, 2),
        *["ridden_motorcycle"] * setting.count(rng, 1, 2),
        *["ridden_bicycle"] * setting.count(rng, 1, 2),
        *["car"] * setting.count(rng, 9, 15),
    ]


def _vehicle(rng: Generator, setting: Setting, taken: Occupancy, kind: str) -> _Vehicle | None:
    """A vehicle in a free place on a lane near the focus, if one is found."""
    bodies = _bodies(rng, kind)
    total_m = sum(body.length_m for body in bodies) + _COUPLING_M * (len(bodies) - 1)
    width_m = max(body.width_m for body in bodies)
    speed_mps = float(rng.uniform(3, 5.5) if kind == "ridden_bicycle" else rng.uniform(5, 10))
    near_m = _NEAR_CYCLE_M if kind.startswith("ridden") else _NEAR_M
    for _ in range(_ATTEMPTS):
        movement = _way(rng, setting, kind)
        start_m = _start(rng, setting, movement, total_m)
        if setting.distance_m(movement.path.pose(start_m)[0]) > near_m:
            continue
        path = movement.path.shifted(_lateral_m(rng, setting, kind))
        if taken.try_take(_footprint(path, start_m, total_m, width_m), _START_GAP_M):
            wall_m = setting.wall_m(movement)
            mover = Mover(path, start_m, speed_mps, total_m, width_m, wall_m)
            return _Vehicle(mover, _coupled(bodies, total_m))
    return None


def _bodies(rng: Generator, kind: str) -> list[Body]:
    if kind == "road_train":
        return [Body.drawn(rng, "truck"), Body.drawn(rng, "trailer")]
    return [Body.drawn(rng, kind)]


def _coupled(bodies: list[Body], total_m: float) -> tuple[tuple[Body, float], ...]:
    """Bodies one behind the other, with the offsets of their middles."""
    front_m, coupled = total_m / 2, []
    for body in bodies:
        coupled.append((body, front_m - body.length_m / 2))
        front_m -= body.length_m + _COUPLING_M
    return tuple(coupled)


def _way(rng: Generator, setting: Setting, kind: str) -> Movement:
    """Any way for the small, straight on for the long, who could not turn within a lane."""
    long = kind in ("bus", "truck", "road_train")
    ways = [m for m in setting.town.movements if not long or (m.target - m.origin) % 4 == 2]
    return ways[int(rng.integers(len(ways)))]


def _lateral_m(rng: Generator, setting: Setting, kind: str) -> float:
    """Shift within the lane, to the left: cyclists keep to the kerb."""
    kerb_side = setting.town.arms[0].kerb_side
    if kind == "ridden_bicycle":
        return float(kerb_side * rng.uniform(0.8, 1.2))
    if kind == "ridden_motorcycle":
        return float(rng.uniform(-0.6, 0.6))
    return float(rng.normal(0, 0.08))


def _start(rng: Generator, setting: Setting, movement: Movement, length_m: float) -> float:
    """Arc length at the start: queueing at a red light, or anywhere that is not closed."""
    wall_m = setting.wall_m(movement)
    end_m = movement.path.length_m
    if np.isinf(wall_m):
        return float(rng.uniform(length_m, end_m - length_m))
    if rng.random() < 0.5:
        return float(wall_m - length_m / 2 - 1.5 - abs(rng.normal(0, 8)))
    before_m, after_m = wall_m - length_m / 2 - 1, movement.exit_m + length_m / 2
    arc_m = rng.uniform(length_m, end_m - length_m - (after_m - before_m))
    return float(arc_m if arc_m < before_m else arc_m + after_m - before_m)


def _footprint(path: Polyline, arc_m: float, length_m: float, width_m: float) -> shapely.Polygon:
    center_m, yaw_rad = path.pose(arc_m)
    sides = np.array([[length_m], [width_m], [yaw_rad]])
    return shapely.Polygon(bev_corners(Rectangles(center_m[None], *sides))[0])


def _follow(
    times_s: NDArrayFloat, path: Polyline, arcs_m: NDArrayFloat, offset_m: float
) -> Trajectory:
    """The trajectory of a point of a vehicle whose middle follows a path."""
    where = arcs_m + offset_m
    return Trajectory(times_s, path.at(where), path.heading_at(where))
