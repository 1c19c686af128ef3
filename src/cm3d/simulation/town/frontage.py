"""What lines the streets: buildings, trees, poles, shelters."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from numpy.random import Generator

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.simulation.shapes import scenery
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.town.ground import KERB_M
from cm3d.simulation.town.roads import SIDEWALK_M, STOP_LINE_M, Arm

PlotKind = Literal["site", "carpark", "bus_stop"]

# Along the arm, and depth behind the kerb.
_PLOTS: Final[dict[PlotKind, tuple[float, float, float]]] = {
    "site": (13.0, 41.0, 17.0),
    "bus_stop": (11.5, 26.5, 0.0),
    "carpark": (30.0, 60.0, 22.0),
}
_FIRST_BUILDING_M: Final = 10.0
_FURNITURE_M: Final = 0.7


@dataclass(frozen=True)
class Plot:
    """A stretch beside a road that is put to a use.

    Args:
        kind: Building site, car park or bus stop.
        arm: Index of the arm.
        side: +1 on its left, -1 on its right, seen outwards.
        start_m: Where it begins along the arm.
        end_m: Where it ends.
        depth_m: How far it reaches behind the kerb.
    """

    kind: PlotKind
    arm: int
    side: int
    start_m: float
    end_m: float
    depth_m: float

    def covers(self, arc_m: float, margin_m: float) -> bool:
        """Whether a place along the arm is within the plot or near it."""
        return self.start_m - margin_m < arc_m < self.end_m + margin_m


def lay_plots(rng: Generator, arms: tuple[Arm, ...]) -> tuple[Plot, ...]:
    """On every arm a site on one side; a bus stop and a car park on the other."""
    plots = []
    for index in range(len(arms)):
        site_side = int(rng.choice([-1, 1]))
        for kind, (start_m, end_m, depth_m) in _PLOTS.items():
            side = site_side if kind == "site" else -site_side
            plots.append(Plot(kind, index, side, start_m, end_m, depth_m))
    return tuple(plots)


def line_street(
    rng: Generator, arm: Arm, side: int, plots: list[Plot], keep_off: shapely.Geometry
) -> Mesh:
    """One side of an arm.

    Args:
        rng: Draws sizes and colours.
        arm: The road.
        side: +1 for its left, -1 for its right, seen outwards.
        plots: The plots on this side.
        keep_off: Roads and sidewalks, which no building may stand on; global frame.
    """
    return Mesh.concatenate(
        [
            *_buildings(rng, arm, side, plots, keep_off),
            *_trees(rng, arm, side, plots),
            *_poles(rng, arm, side, plots),
            *_shelters(rng, arm, side, plots),
        ]
    )


def _buildings(
    rng: Generator, arm: Arm, side: int, plots: list[Plot], keep_off: shapely.Geometry
) -> list[Mesh]:
    meshes = []
    arc_m = _FIRST_BUILDING_M
    while arc_m < arm.centreline.length_m - 8:
        front_m, depth_m = float(rng.uniform(11, 24)), float(rng.uniform(10, 15))
        height_m = float(rng.choice([rng.uniform(4, 8), rng.uniform(9, 28)]))
        gap_m = float(rng.choice([0.2, rng.uniform(1.5, 6)]))
        middle = arc_m + front_m / 2
        setback = SIDEWALK_M + float(rng.choice([0.3, rng.uniform(1, 4)]))
        behind = [p.depth_m for p in plots if p.covers(middle, front_m / 2)]
        outward = max([setback, *(depth + 1.0 for depth in behind)])
        pose = arm.global_SE3_frontage(side, middle, outward, KERB_M)
        footprint = _rectangle(front_m, depth_m)
        if not keep_off.intersects(shapely.Polygon(pose.transform_points(footprint)[:, :2])):
            meshes.append(scenery.building(rng, front_m, depth_m, height_m).transformed(pose))
        arc_m += front_m + gap_m
    return meshes


def _trees(rng: Generator, arm: Arm, side: int, plots: list[Plot]) -> list[Mesh]:
    """A row along the kerb, not in front of plots."""
    start = _FIRST_BUILDING_M + float(rng.uniform(0, 5))
    places = np.arange(start, arm.centreline.length_m - 4, float(rng.uniform(9, 14)))
    return [
        scenery.tree(rng, float(rng.uniform(5, 8))).transformed(
            arm.global_SE3_frontage(side, float(arc), _FURNITURE_M, KERB_M)
        )
        for arc in places
        if not any(plot.covers(float(arc), 1.5) for plot in plots) and rng.random() < 0.75
    ]


def _poles(rng: Generator, arm: Arm, side: int, plots: list[Plot]) -> list[Mesh]:
    """Lamp posts, signs, and the traffic light where traffic enters the intersection."""
    sites = [plot for plot in plots if plot.kind == "site"]
    lamps = [
        scenery.lamp_post(rng).transformed(
            arm.global_SE3_frontage(side, float(arc), _FURNITURE_M, KERB_M)
        )
        for arc in np.arange(7.5 + 8 * (side > 0), arm.centreline.length_m - 3, 27.0)
        if not any(plot.covers(float(arc), 1.0) for plot in sites)
    ]
    signs = [
        _facing_traffic(scenery.street_sign(rng), arm, side, float(arc), _FURNITURE_M)
        for arc in rng.uniform(12, arm.centreline.length_m - 5, 3)
        if not any(plot.covers(float(arc), 1.0) for plot in plots)
    ]
    if arm.travel_sign(side) > 0:
        return [*lamps, *signs]
    light = _facing_traffic(scenery.traffic_light(), arm, side, STOP_LINE_M - 0.7, 0.45)
    return [*lamps, *signs, light]


def _facing_traffic(mesh: Mesh, arm: Arm, side: int, arc_m: float, outward_m: float) -> Mesh:
    """Turn what faces -x towards the drivers on this side of the road."""
    frame = arm.global_SE3_frontage(side, arc_m, outward_m, KERB_M)
    along_x = arm.travel_sign(side) * side > 0
    flip = np.array([1.0, 1.0, 1.0] if along_x else [-1.0, -1.0, 1.0])
    return mesh.placed(mesh.vertices_m * flip).transformed(frame)


def _shelters(rng: Generator, arm: Arm, side: int, plots: list[Plot]) -> list[Mesh]:
    return [
        scenery.bus_shelter(rng).transformed(global_SE3_shelter(arm, plot))
        for plot in plots
        if plot.kind == "bus_stop"
    ]


def global_SE3_shelter(arm: Arm, plot: Plot) -> SE3:
    """Frame of the shelter at a bus stop: x along the kerb, the bench towards +y."""
    return arm.global_SE3_frontage(plot.side, (plot.start_m + plot.end_m) / 2, 3.3, KERB_M)


def _rectangle(front_m: float, depth_m: float) -> NDArrayFloat:
    """Footprint (4, 3) of a building in its own frame."""
    half = front_m / 2
    return np.array([[-half, 0, 0], [half, 0, 0], [half, depth_m, 0], [-half, depth_m, 0]])
