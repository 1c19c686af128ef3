"""Buildings, trees, poles and street furniture; z = 0 on the ground."""

import numpy as np
from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.shapes.solids import ball, box, tube

_WALLS = (
    Material((0.62, 0.56, 0.48), 0.35, 0.3),
    Material((0.5, 0.29, 0.22), 0.3, 0.2),
    Material((0.72, 0.71, 0.68), 0.4, 0.4),
    Material((0.42, 0.44, 0.47), 0.3, 0.4),
    Material((0.78, 0.72, 0.58), 0.4, 0.3),
)
_BARK = Material((0.3, 0.22, 0.15), 0.25, 0.1)
_STEEL = Material((0.4, 0.42, 0.43), 0.35)
_MAX_WINDOW_FLOORS = 5


def building(rng: Generator, front_m: float, depth_m: float, height_m: float) -> Mesh:
    """A block of floors: x along the street, the front at y = 0, y < 0 the street side.

    The upper part of a high block is one plain box, which cameras hardly see.
    """
    wall = _WALLS[int(rng.integers(len(_WALLS)))]
    floor_m = float(rng.uniform(3.0, 4.2))
    floors = max(1, min(_MAX_WINDOW_FLOORS, int(height_m / floor_m)))
    middle = depth_m / 2
    glass_height = floors * floor_m
    glass = box(
        (0, middle, glass_height / 2), (front_m - 0.5, depth_m - 0.5, glass_height), paint.GLASS
    )
    slabs = [
        box((0, middle, z), (front_m, depth_m, 0.36 * floor_m), wall)
        for z in np.arange(floors + 1) * floor_m
    ]
    bays = max(2, round(front_m / rng.uniform(2.6, 4.0)))
    piers = [
        box((x, y, glass_height / 2), (0.7, 0.5, glass_height), wall)
        for x in np.linspace(-front_m / 2 + 0.35, front_m / 2 - 0.35, bays + 1)
        for y in (0.26, depth_m - 0.26)
    ]
    sides = [
        box((side * (front_m / 2 - 0.25), y, glass_height / 2), (0.48, 0.8, glass_height), wall)
        for side in (-1, 1)
        for y in np.linspace(3.0, depth_m - 3.0, max(2, round(depth_m / 5)))
    ]
    rest = max(height_m - glass_height, 0.5)
    crown = box((0, middle, glass_height + rest / 2), (front_m, depth_m, rest), wall)
    return Mesh.concatenate([glass, *slabs, *piers, *sides, crown])


def tree(rng: Generator, height_m: float) -> Mesh:
    """A trunk under two or three crumpled crowns."""
    shade = rng.uniform(0.75, 1.15)
    leaves = Material((0.17 * shade, 0.34 * shade, 0.12 * shade), 0.3, 0.25)
    trunk_m = 0.42 * height_m
    crowns = []
    for index in range(int(rng.integers(2, 4))):
        radius = height_m * rng.uniform(0.2, 0.27)
        offset = rng.normal(0, 0.08 * height_m, 2)
        center = (offset[0], offset[1], trunk_m + radius * (0.7 + 0.55 * index))
        crown = ball(center, (radius, radius, 0.85 * radius), leaves)
        crowns.append(
            crown.placed(crown.vertices_m + rng.normal(0, 0.09 * radius, crown.vertices_m.shape))
        )
    trunk = tube((0, 0, 0), (0, 0, trunk_m + 0.5), 0.03 * height_m, _BARK, 0.02 * height_m)
    return Mesh.concatenate([trunk, *crowns])


def lamp_post(rng: Generator) -> Mesh:
    """A mast of 7 to 9 m with an arm; the lamp hangs over y < 0."""
    height_m = float(rng.uniform(7, 9))
    return Mesh.concatenate(
        [
            tube((0, 0, 0), (0, 0, height_m), 0.1, _STEEL, 0.06, sections=8),
            tube((0, 0, height_m), (0, -1.8, height_m + 0.25), 0.05, _STEEL),
            box((0, -1.9, height_m + 0.2), (0.25, 0.7, 0.12), paint.HEADLIGHT),
            box((0, 0, 0.4), (0.3, 0.3, 0.8), _STEEL),
        ]
    )


def traffic_light() -> Mesh:
    """A signal on a mast; its lamps face x < 0."""
    lamps = [
        box((-0.14, 0, z), (0.05, 0.2, 0.2), Material(colour, 0.3))
        for z, colour in ((3.3, (0.7, 0.1, 0.1)), (3.05, (0.7, 0.5, 0.1)), (2.8, (0.1, 0.6, 0.2)))
    ]
    head = box((0, 0, 3.05), (0.25, 0.35, 0.9), paint.SKIRT)
    mast = tube((0.05, 0, 0), (0.05, 0, 3.5), 0.07, _STEEL, sections=8)
    return Mesh.concatenate([mast, head, *lamps])


def street_sign(rng: Generator) -> Mesh:
    """A plate on a pole; it faces x < 0."""
    plate = box((-0.05, 0, 2.4), (0.03, 0.6, 0.6), Material(paint.bright_paint(rng).albedo, 0.95))
    back = box((-0.03, 0, 2.4), (0.02, 0.62, 0.62), _STEEL)
    return Mesh.concatenate([plate, back, tube((0, 0, 0), (0, 0, 2.8), 0.04, _STEEL)])


def bus_shelter(rng: Generator) -> Mesh:
    """A roof on posts over a bench, 4 m along x, open towards y < 0."""
    posts = [tube((x, y, 0), (x, y, 2.5), 0.05, _STEEL) for x in (-2.0, 2.0) for y in (-0.5, 0.6)]
    return Mesh.concatenate(
        [
            *posts,
            box((0, 0.05, 2.55), (4.4, 1.6, 0.1), _STEEL),
            box((0, 0.62, 1.3), (4.0, 0.04, 1.9), paint.GLASS),
            box((0, 0.35, 0.45), (3.0, 0.4, 0.06), Material((0.5, 0.35, 0.2), 0.3)),
            *(box((x, 0.35, 0.22), (0.08, 0.3, 0.42), _STEEL) for x in (-1.3, 1.3)),
            box((2.6, 0, 1.4), (0.1, 1.2, 2.0), paint.bright_paint(rng)),
        ]
    )
