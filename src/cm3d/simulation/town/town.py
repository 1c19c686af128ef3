"""A town: an intersection, its streets and what stands along them."""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import shapely
from numpy.random import default_rng

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.town import ground
from cm3d.simulation.town.frontage import Plot, lay_plots, line_street
from cm3d.simulation.town.lanes import Lane, Movement, lay_lanes
from cm3d.simulation.town.polyline import Polyline
from cm3d.simulation.town.roads import (
    CROSSING_M,
    PARKING_M,
    PARKING_START_M,
    SIDEWALK_M,
    Arm,
    Traffic,
    corner,
    lay_arms,
)

__all__ = ["LOCATIONS", "Lane", "Town", "build_town"]

# Location -> side of the kerb, positive to the left of travel: Singapore keeps left.
LOCATIONS: Final = {
    "singapore-onenorth": 1,
    "singapore-hollandvillage": 1,
    "singapore-queenstown": 1,
    "boston-seaport": -1,
}


@dataclass(frozen=True, eq=False)
class Town:
    """The static part of a world.

    Args:
        location: Name of the map.
        lanes: Lanes and lane connectors.
        areas: Outlines, (K, 2) each: `drivable_area`, `walkway`, `carpark_area`, `ped_crossing`.
        background: Ground, buildings, poles, trees, kerbs; global frame.
        arms: The roads, counter-clockwise around the intersection.
        movements: All ways through the intersection.
        plots: Building sites, car parks and bus stops.
        kerbs: Kerb around each block, which lies to its left.
        center_m: Middle of the intersection, (2,).
    """

    location: str
    lanes: tuple[Lane, ...]
    areas: dict[str, tuple[NDArrayFloat, ...]]
    background: Mesh
    arms: tuple[Arm, ...]
    movements: tuple[Movement, ...]
    plots: tuple[Plot, ...]
    kerbs: tuple[Polyline, ...]
    center_m: NDArrayFloat


@lru_cache(maxsize=8)
def build_town(seed: int, location: str) -> Town:
    """The town of a location, the same for all scenes there."""
    rng = default_rng([seed, zlib.crc32(location.encode()), 1])
    # The four maps of nuScenes are 1.5 km wide or more, with the origin in a corner.
    center_m = rng.uniform(500, 1000, 2).round()
    arms = lay_arms(rng, location, center_m, Traffic(LOCATIONS[location]))
    kerbs = tuple(corner(arms[i], arms[(i + 1) % 4]) for i in range(4))
    movements = lay_lanes(arms, Traffic(LOCATIONS[location]))
    plots = lay_plots(rng, arms)
    areas = _areas(arms, kerbs, plots)
    plazas = [_outline(arms[plot.arm], plot) for plot in plots if plot.depth_m > 0]
    keep_off = shapely.union_all(
        [shapely.Polygon(o) for o in (*areas["drivable_area"], *areas["walkway"], *plazas)]
    )
    streets = [
        line_street(
            rng, arm, side, [p for p in plots if (p.arm, p.side) == (index, side)], keep_off
        )
        for index, arm in enumerate(arms)
        for side in (-1, 1)
    ]
    surface = _surface(arms, kerbs, plots, center_m)
    lanes = {lane.token: lane for movement in movements for lane in movement.lanes}
    background = Mesh.concatenate([surface, *streets])
    return Town(
        location, tuple(lanes.values()), areas, background, arms, movements, plots, kerbs, center_m
    )


def _surface(
    arms: tuple[Arm, ...],
    kerbs: tuple[Polyline, ...],
    plots: tuple[Plot, ...],
    center_m: NDArrayFloat,
) -> Mesh:
    plazas = [
        ground.plaza(arms[plot.arm], *_extent(arms[plot.arm], plot), paved=plot.kind == "carpark")
        for plot in plots
        if plot.depth_m > 0
    ]
    return Mesh.concatenate(
        [
            ground.earth(center_m, 260.0),
            *(ground.road(arm) for arm in arms),
            ground.junction(_junction_outline(arms, kerbs)),
            *(ground.block(kerb, SIDEWALK_M) for kerb in kerbs),
            *plazas,
        ]
    )


def _extent(arm: Arm, plot: Plot) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of a plot behind the sidewalk: along the arm, and to its left."""
    near, far = arm.kerb_m + SIDEWALK_M, arm.kerb_m + plot.depth_m
    lateral = (near, far) if plot.side > 0 else (-far, -near)
    return (plot.start_m, plot.end_m), lateral


def _outline(arm: Arm, plot: Plot) -> NDArrayFloat:
    """A plot behind the sidewalk, (K, 2)."""
    along, lateral = _extent(arm, plot)
    return arm.band(*along, *lateral)


def _junction_outline(arms: tuple[Arm, ...], kerbs: tuple[Polyline, ...]) -> NDArrayFloat:
    """The kerbs' bends, counter-clockwise, from mouth to mouth."""
    bends = []
    for index, kerb in enumerate(kerbs):
        start = kerb.nearest_arc_m(arms[(index + 1) % 4].kerb(-1).points_m[0])
        end = kerb.nearest_arc_m(arms[index].kerb(1).points_m[0])
        bends.append(kerb.cut(start, end).points_m[::-1])
    return np.concatenate(bends)


def _areas(
    arms: tuple[Arm, ...], kerbs: tuple[Polyline, ...], plots: tuple[Plot, ...]
) -> dict[str, tuple[NDArrayFloat, ...]]:
    end = arms[0].centreline.length_m
    roads = [arm.band(0, end, -arm.kerb_m, arm.kerb_m) for arm in arms]
    strips = [
        arm.band(
            PARKING_START_M, end, *sorted((side * arm.kerb_m, side * (arm.kerb_m - PARKING_M)))
        )
        for arm in arms
        for side in (-1, 1)
    ]
    carparks = [_outline(arms[plot.arm], plot) for plot in plots if plot.kind == "carpark"]
    sidewalks = [
        np.concatenate([kerb.points_m, kerb.shifted(SIDEWALK_M).points_m[::-1]]) for kerb in kerbs
    ]
    crossings = [arm.band(*CROSSING_M, -arm.kerb_m, arm.kerb_m) for arm in arms]
    return {
        "drivable_area": (*roads, _junction_outline(arms, kerbs)),
        "walkway": tuple(sidewalks),
        "carpark_area": (*strips, *carparks),
        "ped_crossing": tuple(crossings),
    }
