"""Vehicles and cycles that stand at the kerb, in car parks and at the bus stop."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.town.ground import KERB_M, PLOT_M
from cm3d.simulation.town.roads import PARKING_M, SIDEWALK_M
from cm3d.simulation.traffic.actors import Actor, Body
from cm3d.simulation.traffic.kerbside import Place, parking_places
from cm3d.simulation.traffic.setting import Occupancy, Setting

_NEAR_M: Final = 42.0
_BAY_M: Final = 6.2
_STALL_M: Final = 2.9
_GAP_M: Final = 0.4
_ASKEW_RAD: Final = 0.6


def park(rng: Generator, setting: Setting, taken: Occupancy) -> list[Actor]:
    """Everything that is parked near the focus."""
    motorcycles = [Body.drawn(rng, "motorcycle") for _ in range(setting.count(rng, 1, 3))]
    bicycles = [Body.drawn(rng, "bicycle") for _ in range(setting.count(rng, 2, 4))]
    return [
        *_bus_at_stop(rng, setting, taken),
        *_at_kerb(rng, setting, taken, "trailer", setting.count(rng, 1, 1)),
        *_at_kerb(rng, setting, taken, "truck", setting.count(rng, 1, 2)),
        *_in_row(rng, setting, taken, motorcycles, 1.3, (-PARKING_M / 2, 0.0)),
        *_in_row(rng, setting, taken, bicycles, 1.1, (SIDEWALK_M - 1.15, KERB_M)),
        *_in_bays(rng, setting, taken, setting.count(rng, 7, 12)),
        *_in_carpark(rng, setting, taken, setting.count(rng, 5, 9)),
    ]


def _bus_at_stop(rng: Generator, setting: Setting, taken: Occupancy) -> Iterator[Actor]:
    """A bus at the stop nearest to the focus."""
    stop = setting.nearest("bus_stop")
    place = Place(setting.town.arms[stop.arm], stop.side, (stop.start_m + stop.end_m) / 2)
    for _ in range(setting.count(rng, 1, 1)):
        actor = _along_kerb(rng, Body.drawn(rng, "bus"), place, parked=False)
        if _claim(actor, taken):
            yield actor


def _at_kerb(
    rng: Generator, setting: Setting, taken: Occupancy, kind: str, count: int
) -> Iterator[Actor]:
    """Long vehicles along the kerb, wherever they fit."""
    for _ in range(count):
        body = Body.drawn(rng, kind)
        for place in parking_places(rng, setting, body.length_m / 2 + 1, 1.5, _NEAR_M):
            actor = _along_kerb(rng, body, place)
            if _claim(actor, taken):
                yield actor
                break


def _in_bays(rng: Generator, setting: Setting, taken: Occupancy, count: int) -> Iterator[Actor]:
    """Cars in the marked bays, some of which stay free."""
    for place in parking_places(rng, setting, _BAY_M / 2, _BAY_M, _NEAR_M):
        if count == 0:
            return
        if rng.random() < 0.3:
            continue
        actor = _along_kerb(rng, Body.drawn(rng, "car"), place)
        if _claim(actor, taken):
            count -= 1
            yield actor


def _in_row(
    rng: Generator,
    setting: Setting,
    taken: Occupancy,
    bodies: list[Body],
    pitch_m: float,
    outward_z_m: tuple[float, float],
) -> list[Actor]:
    """Cycles side by side across the road's direction, at the first place where all fit."""
    half_m = pitch_m * len(bodies) / 2
    for place in parking_places(rng, setting, half_m + 0.5, 1.5, _NEAR_M):
        row = []
        for index, body in enumerate(bodies):
            arc_m = place.arc_m + pitch_m * (index + 0.5) - half_m
            turn = rng.choice([-1, 1]) * np.pi / 2 + rng.uniform(-0.15, 0.15)
            where = Place(place.arm, place.side, arc_m).stand(*outward_z_m, float(turn))
            row.append(body.on(where, parked=True))
        shape = shapely.union_all([shapely.Polygon(actor.footprint_m(0.0)) for actor in row])
        if taken.try_take(shape, _GAP_M):
            return row
    return []


def _in_carpark(rng: Generator, setting: Setting, taken: Occupancy, count: int) -> Iterator[Actor]:
    """Cars in two rows across the road's direction, one anyhow in the aisle between them."""
    for stall in _stalls(rng, setting):
        if count == 0:
            return
        turn = rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, stall.yaw_spread_rad)
        where = stall.place.stand(stall.outward_m, PLOT_M, float(turn))
        actor = Body.drawn(rng, "car").on(where, parked=True)
        if _claim(actor, taken):
            count -= 1
            yield actor


@dataclass(frozen=True, eq=False)
class _Stall:
    """Room for a car in a car park, and how askew it may stand."""

    place: Place
    outward_m: float
    yaw_spread_rad: float

    def xy_m(self) -> NDArrayFloat:
        return self.place.stand(self.outward_m, PLOT_M, 0.0).position_m(0.0)


def _stalls(rng: Generator, setting: Setting) -> list[_Stall]:
    """Stalls near the focus in random order, after one place in the aisle of each car park."""
    aisles, stalls = [], []
    for plot in setting.town.plots:
        if plot.kind == "carpark":
            arm = setting.town.arms[plot.arm]
            aisle = Place(arm, plot.side, float(rng.uniform(plot.start_m + 6, plot.end_m - 6)))
            aisles.append(_Stall(aisle, (SIDEWALK_M + plot.depth_m) / 2, _ASKEW_RAD))
            stalls += [
                _Stall(Place(arm, plot.side, float(arc_m)), outward_m, 0.04)
                for arc_m in np.arange(plot.start_m + 2.0, plot.end_m - 1.5, _STALL_M)
                for outward_m in (SIDEWALK_M + 3.0, plot.depth_m - 3.0)
            ]
    shuffled = [*aisles, *(stalls[index] for index in rng.permutation(len(stalls)))]
    return [stall for stall in shuffled if setting.distance_m(stall.xy_m()) < _NEAR_M]


def _along_kerb(rng: Generator, body: Body, place: Place, parked: bool = True) -> Actor:
    """In the parking lane, in the direction of travel, as well as people park."""
    outward_m = -PARKING_M / 2 + rng.uniform(-0.06, 0.12)
    turn = place.travel_rad + rng.normal(0, 0.02)
    return body.on(place.stand(float(outward_m), 0.0, float(turn)), parked)


def _claim(actor: Actor, taken: Occupancy) -> bool:
    return taken.try_take(shapely.Polygon(actor.footprint_m(0.0)), _GAP_M)
