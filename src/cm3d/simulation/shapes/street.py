"""Traffic cones and barriers."""

from itertools import pairwise

from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.mesh import Mesh
from cm3d.simulation.shapes.solids import box, tube, wedge


def traffic_cone(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A cone in rings of orange and reflective white, on a base plate."""
    edges = (0.06, 0.4, 0.58, 0.72, 0.84, 1.0)
    rings = [
        tube(
            (0, 0, low * height_m),
            (0, 0, high * height_m),
            _cone_radius(low),
            paint.REFLECTIVE_WHITE if index % 2 else paint.CONE_ORANGE,
            _cone_radius(high),
            sections=10,
        )
        for index, (low, high) in enumerate(pairwise(edges))
    ]
    base = box((0, 0, 0.03 * height_m), (0.42, 0.42, 0.06 * height_m), paint.RUBBER)
    return Mesh.concatenate([base, *rings]).fitted(length_m, width_m, height_m)


def barrier(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A concrete block or striped boards on feet; its long side runs across the heading."""
    draw = _jersey if rng.random() < 0.5 else _boards
    return draw(length_m, width_m, height_m).fitted(length_m, width_m, height_m)


def _jersey(long: float, wide: float, high: float) -> Mesh:
    half = wide / 2
    return Mesh.concatenate(
        [
            box((0, 0, 0.05 * high), (long, wide, 0.1 * high), paint.CONCRETE),
            wedge(
                (-0.5 * long, 0.5 * long, half),
                (-0.2 * long, 0.2 * long, half),
                (0.1 * high, 0.38 * high),
                paint.CONCRETE,
            ),
            wedge(
                (-0.2 * long, 0.2 * long, half),
                (-0.13 * long, 0.13 * long, half),
                (0.38 * high, high),
                paint.CONCRETE,
            ),
            *(
                box((0, y * wide, 0.75 * high), (0.42 * long, 0.08, 0.12), paint.CONE_ORANGE)
                for y in (-0.3, 0.3)
            ),
        ]
    )


def _boards(long: float, wide: float, high: float) -> Mesh:
    stripes = [
        box(
            (0, (index + 0.5) / 6 * wide - wide / 2, z * high),
            (0.05, wide / 6, 0.2 * high),
            paint.REFLECTIVE_WHITE if index % 2 else paint.CONE_ORANGE,
        )
        for index in range(6)
        for z in (0.9, 0.55)
    ]
    feet = [
        part
        for y in (-0.38 * wide, 0.38 * wide)
        for part in (
            box((0, y, 0.04 * high), (long, 0.2, 0.08 * high), paint.RUBBER),
            tube((0, y, 0.0), (0, y, 0.98 * high), 0.035, paint.STEEL),
        )
    ]
    return Mesh.concatenate([*stripes, *feet])


def _cone_radius(share: float) -> float:
    """Radius at a share of the height."""
    return 0.17 - 0.145 * share
