"""Road surface, markings, kerbs and sidewalks."""

from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.town.polyline import Polyline
from cm3d.simulation.town.roads import CROSSING_M, PARKING_M, PARKING_START_M, STOP_LINE_M, Arm

KERB_M: Final = 0.15
PLOT_M: Final = 0.16
_LAND_M: Final = 250.0
_PAINT_M: Final = 0.004
# Surfaces reach under the kerbs, so that no gap opens between chords of different length.
_OVERSIZE: Final = 1.02
_OVERLAP_M: Final = 0.2

_ASPHALT = Material((0.26, 0.26, 0.27), 0.12, 0.08)
_PAINT = Material((0.85, 0.85, 0.83), 0.6)
_YELLOW_PAINT = Material((0.8, 0.65, 0.15), 0.5)
_KERB = Material((0.58, 0.57, 0.55), 0.3, 0.2)
_PAVING = Material((0.5, 0.48, 0.45), 0.25, 0.5)
_GRASS = Material((0.28, 0.36, 0.17), 0.35, 0.3)
_EARTH = Material((0.42, 0.35, 0.26), 0.25, 0.25)


def strip(
    left_m: NDArrayFloat, right_m: NDArrayFloat, z_m: tuple[float, float], material: Material
) -> Mesh:
    """A ribbon between two lines (N, 2) at their heights; it faces up if the first is the left."""
    count = len(left_m)
    vertices = np.column_stack([np.concatenate([left_m, right_m]), np.repeat(z_m, count)])
    near = np.arange(count - 1)
    lower = np.stack([near, near + count, near + count + 1], axis=1)
    upper = np.stack([near, near + count + 1, near + 1], axis=1)
    return Mesh.of_material(vertices, np.concatenate([lower, upper]), material)


def road(arm: Arm) -> Mesh:
    """The surface of an arm with its markings."""
    half_m = arm.kerb_m + _OVERLAP_M
    surface = band(arm, (0, arm.centreline.length_m), (-half_m, half_m), 0.0, _ASPHALT)
    return Mesh.concatenate([surface, *_lines(arm), *_zebra(arm)])


def band(
    arm: Arm,
    arc_m: tuple[float, float],
    lateral_m: tuple[float, float],
    z_m: float,
    material: Material,
) -> Mesh:
    """A ribbon along an arm between two lateral offsets, positive to the left."""
    arc = np.linspace(*arc_m, max(2, int((arc_m[1] - arc_m[0]) / 3) + 1))
    low, high = (arm.centreline.at(arc, offset) for offset in lateral_m)
    return strip(high, low, (z_m, z_m), material)


def junction(outline_m: NDArrayFloat) -> Mesh:
    """The surface within a star-shaped outline (K, 2), counter-clockwise, and under its kerbs."""
    middle_m = outline_m.mean(axis=0, keepdims=True)
    vertices = np.concatenate([middle_m, middle_m + _OVERSIZE * (outline_m - middle_m)])
    first = np.arange(1, len(vertices))
    faces = np.stack([np.zeros_like(first), first, np.roll(first, -1)], axis=1)
    return Mesh.of_material(np.column_stack([vertices, np.zeros(len(vertices))]), faces, _ASPHALT)


def block(kerb: Polyline, sidewalk_m: float) -> Mesh:
    """Kerb, sidewalk and land to the left of a kerb line."""
    line = kerb.cut(0, kerb.length_m, 2.0)
    edge, inner = line.points_m, line.shifted(sidewalk_m).points_m
    curbstone = line.shifted(0.25).points_m
    top = (KERB_M, KERB_M)
    return Mesh.concatenate(
        [
            strip(edge, edge, (KERB_M, 0.0), _KERB),
            strip(curbstone, edge, top, _KERB),
            strip(inner, curbstone, top, _PAVING),
            _land(inner),
        ]
    )


def _land(edge_m: NDArrayFloat) -> Mesh:
    """The ground behind a sidewalk, to the left of its edge (N, 2): a fan from far behind.

    The edge bends by a quarter turn and its roads gently, so the fan never folds.
    """
    chords = np.diff(edge_m[[0, len(edge_m) // 2, -1]], axis=0)
    bisector = np.sum(chords[:, ::-1] * [-1, 1] / np.linalg.norm(chords, axis=1)[:, None], axis=0)
    apex = edge_m[len(edge_m) // 2] + _LAND_M * bisector / np.linalg.norm(bisector)
    fan = np.broadcast_to(apex, edge_m.shape)
    return strip(fan, edge_m, (KERB_M, KERB_M), _GRASS)


def plaza(
    arm: Arm, arc_m: tuple[float, float], lateral_m: tuple[float, float], paved: bool
) -> Mesh:
    """A car park's asphalt, or the bare earth of a building site, just above the land."""
    return band(arm, arc_m, lateral_m, PLOT_M, _ASPHALT if paved else _EARTH)


def earth(center_m: NDArrayFloat, half_m: float) -> Mesh:
    """What lies under everything, so that no ray falls out of the world."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half_m + center_m
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh.of_material(np.column_stack([corners, np.full(4, -0.05)]), faces, _EARTH)


def _lines(arm: Arm) -> list[Mesh]:
    """Centre line, dashes between lanes, edge of the parking lanes, bays, stop line."""
    end, lane, count = arm.centreline.length_m, arm.lane_m, arm.lanes_per_direction
    lines = [
        band(arm, (STOP_LINE_M, end), (y - 0.07, y + 0.07), _PAINT_M, _YELLOW_PAINT)
        for y in (-0.15, 0.15)
    ]
    for side in (-1, 1):
        parking = side * count * lane
        lines.append(
            band(arm, (PARKING_START_M, end), (parking - 0.06, parking + 0.06), _PAINT_M, _PAINT)
        )
        lines += [
            _across(arm, arc, sorted((parking, parking + side * PARKING_M)), 0.1)
            for arc in np.arange(PARKING_START_M, end, 6.2)
        ]
        lines += [
            band(arm, (arc, arc + 3), (y - 0.07, y + 0.07), _PAINT_M, _PAINT)
            for y in side * lane * np.arange(1, count)
            for arc in np.arange(STOP_LINE_M + 2, end - 3, 9.0)
        ]
    incoming = -arm.kerb_side
    lines.append(_across(arm, STOP_LINE_M, sorted((0.0, incoming * count * lane)), 0.4))
    return lines


def _zebra(arm: Arm) -> list[Mesh]:
    start, end = CROSSING_M
    stripes = np.arange(-arm.kerb_m + 0.4, arm.kerb_m - 0.5, 1.1)
    return [band(arm, (start, end), (y, y + 0.55), _PAINT_M, _PAINT) for y in stripes]


def _across(arm: Arm, arc_m: float, lateral_m: list[float], thick_m: float) -> Mesh:
    """A painted line across the road."""
    limits = (lateral_m[0], lateral_m[1])
    return band(arm, (arc_m, arc_m + thick_m), limits, _PAINT_M, _PAINT)
