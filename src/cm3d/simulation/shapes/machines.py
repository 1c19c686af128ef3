"""Construction vehicles, drawn 5.5 m x 2.5 m x 2.4 m and stretched to their size."""

from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.chassis import wheels
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.shapes.solids import box, tube, wedge


def construction_vehicle(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """An excavator on tracks or a wheel loader."""
    draw = _excavator if rng.random() < 0.55 else _loader
    return draw(paint.machine_paint(rng)).fitted(length_m, width_m, height_m)


def _excavator(body: Material) -> Mesh:
    """Tracks, a house with the cab beside the boom, and a bucket in front."""
    elbow, wrist = (1.55, -0.3, 2.33), (2.4, -0.3, 0.85)
    parts = [
        *_track(-0.95),
        *_track(0.95),
        box((-1.1, 0, 0.7), (1.65, 1.25, 0.3), paint.SKIRT),
        wedge((-2.75, 0.45, 1.18), (-2.6, 0.33, 1.13), (0.82, 1.45), body),
        box((-0.33, 0.6, 1.85), (1.3, 1.05, 0.82), paint.GLASS),
        box((-0.33, 0.6, 2.31), (1.42, 1.1, 0.14), body),
        tube((-0.1, -0.3, 0.96), elbow, 0.13, body),
        tube(elbow, wrist, 0.1, body),
        wedge((1.9, 2.65, 0.5), (2.1, 2.75, 0.5), (0.1, 0.82), paint.STEEL),
    ]
    return Mesh.concatenate(parts)


def _track(y: float) -> list[Mesh]:
    """A crawler track between two rollers."""
    rollers = [
        tube((x, y - 0.27, 0.29), (x, y + 0.27, 0.29), 0.29, paint.RUBBER, sections=8)
        for x in (-2.3, 1.0)
    ]
    return [box((-0.65, y, 0.33), (3.3, 0.55, 0.48), paint.RUBBER), *rollers]


def _loader(body: Material) -> Mesh:
    """An engine hood, a glass cab, and a bucket on two arms."""
    arms = [tube((-0.28, y, 1.32), (2.1, y, 0.48), 0.09, body) for y in (-0.5, 0.5)]
    parts = [
        wedge((-2.75, -0.1, 0.85), (-2.65, -0.33, 0.75), (0.6, 1.45), body),
        box((0.55, 0, 0.8), (1.45, 1.0, 0.4), body),
        wedge((-0.88, 0.33, 0.75), (-0.77, 0.1, 0.67), (1.4, 2.28), paint.GLASS),
        box((-0.33, 0, 2.33), (1.2, 1.5, 0.14), body),
        tube((-1.87, 0.25, 1.45), (-1.87, 0.25, 1.95), 0.06, paint.STEEL),
        wedge((2.0, 2.75, 1.25), (2.0, 2.3, 1.25), (0.05, 0.82), paint.STEEL),
        *arms,
        *wheels((-1.55, 1.1), 2.25, 0.58, 0.45),
    ]
    return Mesh.concatenate(parts)
