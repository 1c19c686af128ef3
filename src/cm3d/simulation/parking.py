"""Vehicles and cycles that are parked."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.actors import Actor, Body
from cm3d.simulation.ground import KERB_M, PLOT_M
from cm3d.simulation.roads import PARKING_START_M, SIDEWALK_M, Arm
from cm3d.simulation.setting import Occupancy, Setting
from cm3d.simulation.trajectory import Trajectory

_NEAR_M: Final = 42.0
_BAY_M: Final = 6.2
_STALL_M: Final = 2.9
_GAP_M: Final = 0.4

# Arm, side, arc length.
_Place = tuple[Arm, int, float]


def park(rng: Generator, setting: Setting, taken: Occupancy) -> list[Actor]:
    """Everything that is parked near the focus."""
    return [
        *_bus_at_stop(rng, setting, taken),
        *_at_kerb(rng, setting, taken, "trailer", setting.count(rng, 1, 1)),
        *_at_kerb(rng, setting, taken, "truck", setting.count(rng, 1, 2)),
        *_row_at_kerb(rng, setting, taken, "motorcycle", setting.count(rng, 1, 3)),
        *_row_at_wall(rng, setting, taken, "bicycle", setting.count(rng, 2, 4)),
        *_in_bays(rng, setting, taken, setting.count(rng, 7, 12)),
        *_in_carpark(rng, setting, taken, setting.count(rng, 5, 9)),
    ]


def _bus_at_stop(rng: Generator, setting: Setting, taken: Occupancy) -> Iterator[Actor]:
    """A bus at the stop nearest to the focus."""
    stop = setting.nearest("bus_stop")
    place = (setting.town.arms[stop.arm], stop.side, (stop.start_m + stop.end_m) / 2)
    if setting.density > 0:
        body = Body.drawn(rng, "bus")
        actor = body.on(_kerbside(rng, place), parked=False)
        if _claim(actor, taken):
            yield actor


def _at_kerb(
    rng: Generator, setting: Setting, taken: Occupancy, kind: str, count: int
) -> Iterator[Actor]:
    """Long vehicles along the kerb, wherever they fit, the nearest of a few places."""
    for _ in range(count):
        body = Body.drawn(rng, kind)
        for place in _places(rng, setting, body.length_m / 2 + 1, step_m=1.5):
            actor = body.on(_kerbside(rng, place), parked=True)
            if _claim(actor, taken):
                yield actor
                break


def _in_bays(rng: Generator, setting: Setting, taken: Occupancy, count: int) -> Iterator[Actor]:
    """Cars in the marked bays; a few stand badly."""
    for place in _places(rng, setting, _BAY_M / 2, step_m=_BAY_M):
        if count == 0:
            return
        if rng.random() < 0.3:
            continue
        actor = Body.drawn(rng, "car").on(_kerbside(rng, place), parked=True)
        if _claim(actor, taken):
            count -= 1
            yield actor


def _in_carpark(rng: Generator, setting: Setting, taken: Occupancy, count: int) -> Iterator[Actor]:
    """Cars in two rows across the road's direction, and one anyhow in the aisle between."""
    lots = [plot for plot in setting.town.plots if plot.kind == "carpark"]
    stalls = [
        (plot, arc_m, outward_m)
        for plot in lots
        for arc_m in np.arange(plot.start_m + 2.0, plot.end_m - 1.5, _STALL_M)
        for outward_m in (SIDEWALK_M + 3.0, plot.depth_m - 3.0)
    ]
    aisles = [
        (plot, rng.uniform(plot.start_m + 6, plot.end_m - 6), (SIDEWALK_M + plot.depth_m) / 2)
        for plot in lots
    ]
    for plot, arc_m, outward_m in [*aisles, *(stalls[i] for i in rng.permutation(len(stalls)))]:
        if count == 0:
            return
        arm = setting.town.arms[plot.arm]
        pose = arm.global_SE3_frontage(plot.side, float(arc_m), float(outward_m), PLOT_M)
        across = outward_m != (SIDEWALK_M + plot.depth_m) / 2
        turn = rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.04)
        yaw_rad = float(turn if across else rng.uniform(-np.pi, np.pi))
        place = _still(pose.translation_m, yaw_rad + arm.centreline.pose(float(arc_m))[1])
        actor = Body.drawn(rng, "car").on(place, parked=True)
        if setting.distance_m(pose.translation_m[:2]) < _NEAR_M and _claim(actor, taken):
            count -= 1
            yield actor


def _row_at_kerb(
    rng: Generator, setting: Setting, taken: Occupancy, kind: str, count: int
) -> Iterator[Actor]:
    """Motorcycles side by side in the parking lane, across it."""
    yield from _row(rng, setting, taken, [kind] * count, 1.3, -1.25, 0.0)


def _row_at_wall(
    rng: Generator, setting: Setting, taken: Occupancy, kind: str, count: int
) -> Iterator[Actor]:
    """Bicycles side by side at the back of the sidewalk."""
    yield from _row(rng, setting, taken, [kind] * count, 1.1, SIDEWALK_M - 1.15, KERB_M)


def _row(
    rng: Generator,
    setting: Setting,
    taken: Occupancy,
    kinds: list[str],
    pitch_m: float,
    outward_m: float,
    z_m: float,
) -> Iterator[Actor]:
    """A row along the kerb at the first place where all of it fits."""
    bodies = [Body.drawn(rng, kind) for kind in kinds]
    half_m = pitch_m * len(bodies) / 2
    for arm, side, arc_m in _places(rng, setting, half_m + 0.5, step_m=1.5):
        actors = []
        for index, body in enumerate(bodies):
            arc = arc_m + pitch_m * (index + 0.5) - half_m
            pose = arm.global_SE3_frontage(side, arc, outward_m, z_m)
            turn = rng.choice([-1, 1]) * np.pi / 2 + rng.uniform(-0.15, 0.15)
            yaw_rad = float(turn) + arm.centreline.pose(arc)[1]
            actors.append(body.on(_still(pose.translation_m, yaw_rad), parked=True))
        shape = shapely.union_all([shapely.Polygon(a.footprint_m(0.0)) for a in actors])
        if actors and taken.try_take(shape, _GAP_M):
            yield from actors
            return


def _places(rng: Generator, setting: Setting, half_m: float, step_m: float) -> list[_Place]:
    """Kerbside places off the plots, in random order but near ones before far ones."""
    places = []
    for index, arm in enumerate(setting.town.arms):
        for side in (-1, 1):
            plots = [
                plot
                for plot in setting.town.plots
                if (plot.arm, plot.side) == (index, side) and plot.kind != "carpark"
            ]
            arcs = np.arange(PARKING_START_M + half_m, arm.centreline.length_m - half_m, step_m)
            places += [
                (arm, side, float(arc))
                for arc in arcs
                if not any(plot.covers(float(arc), half_m) for plot in plots)
            ]
    near = [place for place in places if _distance_m(setting, place) < _NEAR_M]
    order = np.argsort([_distance_m(setting, p) + rng.uniform(0, 25) for p in near], kind="stable")
    return [near[index] for index in order]


def _distance_m(setting: Setting, place: _Place) -> float:
    arm, side, arc_m = place
    return setting.distance_m(arm.centreline.pose(arc_m, side * arm.parking_m)[0])


def _kerbside(rng: Generator, place: _Place) -> Trajectory:
    """In the parking lane, along the direction of travel, roughly."""
    arm, side, arc_m = place
    lateral_m = side * (arm.parking_m + rng.uniform(-0.06, 0.12))
    xy_m, yaw_rad = arm.centreline.pose(arc_m, lateral_m)
    turned = 0 if arm.travel_sign(side) > 0 else np.pi
    return Trajectory.still(xy_m, float(yaw_rad + turned + rng.normal(0, 0.02)))


def _still(position_m: NDArrayFloat, yaw_rad: float) -> Trajectory:
    return Trajectory.still(position_m[:2], yaw_rad, float(position_m[2]))


def _claim(actor: Actor, taken: Occupancy) -> bool:
    return taken.try_take(shapely.Polygon(actor.footprint_m(0.0)), _GAP_M)
