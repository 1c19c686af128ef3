"""Bicycles and motorcycles, alone or with a rider.

As in nuScenes, the box of a ridden cycle encloses its rider.
"""

from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.shapes.people import rider
from cm3d.simulation.shapes.solids import ball, box, ring, tube, wedge, wheel


def bicycle(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A parked bicycle."""
    return _bicycle(rng).fitted(length_m, width_m, height_m)


def ridden_bicycle(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A bicycle with its rider."""
    parts = [_bicycle(rng), rider(rng, (-0.25, 0.98), (0.35, 1.05))]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def motorcycle(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A parked motorcycle."""
    return _motorcycle(rng).fitted(length_m, width_m, height_m)


def ridden_motorcycle(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A motorcycle with its rider."""
    parts = [_motorcycle(rng), rider(rng, (-0.25, 0.8), (0.35, 1.0))]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def _bicycle(rng: Generator) -> Mesh:
    frame = paint.bright_paint(rng)
    crank, saddle = (-0.05, 0.0, 0.32), (-0.25, 0.0, 0.95)
    head_low, head_top = (0.4, 0.0, 0.75), (0.36, 0.0, 1.05)
    rear, front = (-0.55, 0.0, 0.35), (0.56, 0.0, 0.35)
    tubes = [
        (crank, saddle),
        (crank, head_low),
        ((-0.2, 0.0, 0.8), head_low),
        (rear, crank),
        (rear, (-0.2, 0.0, 0.8)),
        (front, head_top),
        ((0.36, -0.3, 1.05), (0.36, 0.3, 1.05)),
    ]
    spokes = [
        tube((x + dx, 0, 0.35 + dz), (x - dx, 0, 0.35 - dz), 0.008, paint.CHROME, sections=3)
        for x in (rear[0], front[0])
        for dx, dz in ((0.32, 0.0), (0.16, 0.28), (0.16, -0.28))
    ]
    parts = [
        *(ring((x, 0, 0.35), 0.35, 0.035, paint.RUBBER) for x in (rear[0], front[0])),
        *spokes,
        *(tube(start, end, 0.025, frame, sections=4) for start, end in tubes),
        box((-0.25, 0, 0.98), (0.27, 0.14, 0.06), paint.RUBBER),
        tube((-0.05, -0.12, 0.3), (-0.05, 0.12, 0.3), 0.03, paint.STEEL),
    ]
    return Mesh.concatenate(parts)


def _motorcycle(rng: Generator) -> Mesh:
    body = paint.bright_paint(rng)
    parts = [
        wheel((-0.65, 0, 0.31), 0.31, 0.15),
        wheel((0.66, 0, 0.31), 0.31, 0.12),
        wedge((-0.35, 0.3, 0.14), (-0.25, 0.25, 0.16), (0.2, 0.55), paint.STEEL),
        wedge((-0.2, 0.35, 0.14), (-0.1, 0.3, 0.12), (0.55, 0.85), body),
        wedge((-0.75, -0.1, 0.14), (-0.7, -0.1, 0.13), (0.62, 0.8), paint.RUBBER),
        wedge((-0.9, -0.4, 0.1), (-0.85, -0.4, 0.09), (0.55, 0.66), body),
        *(tube((0.66, y, 0.31), (0.4, y, 0.95), 0.035, paint.CHROME) for y in (-0.09, 0.09)),
        tube((0.36, -0.37, 1.02), (0.36, 0.37, 1.02), 0.025, paint.RUBBER),
        tube((-0.55, -0.17, 0.33), (0.1, -0.17, 0.28), 0.05, paint.CHROME),
        ball((0.48, 0, 0.88), (0.1, 0.11, 0.11), paint.HEADLIGHT, subdivisions=0),
        box((-0.9, 0, 0.6), (0.04, 0.14, 0.08), paint.TAIL_LIGHT),
        *(
            tube((0.34, y, 1.0), (0.34, 1.05 * y, 1.15), 0.04, paint.RUBBER, sections=4)
            for y in (-0.3, 0.3)
        ),
    ]
    return Mesh.concatenate(parts)
