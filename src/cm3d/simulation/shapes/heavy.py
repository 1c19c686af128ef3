"""Trucks, buses and trailers, drawn in metres and stretched to their exact size."""

from typing import Final

import numpy as np
from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.chassis import lights, wheels
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.shapes.solids import box, tube, wedge

_WHITE_CARGO: Final = Material((0.85, 0.85, 0.83), 0.55, 0.4)


def truck(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A cab in front of a cargo box, 2.4 m wide and 2.6 m high before it is stretched."""
    front_m = length_m / 2
    cab_m = front_m - min(2.0, 0.3 * length_m)
    parts = [
        box((0, 0, 0.52), (0.96 * length_m, 1.2, 0.26), paint.SKIRT),
        *_cab(rng, cab_m, front_m),
        *_cargo((-front_m, cab_m - 0.15), (0.68, 2.6), _cargo_paint(rng)),
        *wheels((-0.36 * length_m, -0.2 * length_m, front_m - 0.95), 2.4, 0.48, 0.31),
        *lights(front_m - 0.03, 2.4, 0.75, paint.HEADLIGHT),
        *lights(0.03 - front_m, 2.4, 0.75, paint.TAIL_LIGHT),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def bus(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A band of windows between pillars, 11.5 m x 2.6 m x 3.8 m before it is stretched."""
    body, stripe = paint.bright_paint(rng), paint.car_paint(rng)
    parts = [
        box((0, 0, 0.76), (11.5, 2.55, 0.92), body),
        box((0, 0, 1.33), (11.5, 2.6, 0.24), stripe),
        box((0, 0, 2.2), (11.33, 2.52, 1.52), paint.GLASS),
        *(box((x, 0, 2.2), (0.14, 2.585, 1.52), body) for x in np.linspace(-5.65, 4.9, 8)),
        wedge((-5.75, 5.75, 1.3), (-5.65, 5.5, 1.17), (2.96, 3.57), body),
        box((-2.3, 0, 3.68), (2.9, 1.55, 0.24), stripe),
        box((5.72, 0, 3.15), (0.05, 1.55, 0.24), paint.HEADLIGHT),
        *wheels((-3.2, 3.1), 2.6, 0.5, 0.29),
        *lights(5.73, 2.6, 0.76, paint.HEADLIGHT),
        *lights(-5.73, 2.6, 0.76, paint.TAIL_LIGHT),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def trailer(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A box over two rear axles, 2.3 m x 3.7 m, with a drawbar and a support leg in front."""
    front_m = length_m / 2 - 1.1
    drawbar = [
        tube((front_m - 0.1, y, 0.86), (length_m / 2, 0, 0.55), 0.06, paint.STEEL)
        for y in (-0.7, 0.7)
    ]
    parts = [
        *_cargo((-length_m / 2, front_m), (1.07, 3.7), _cargo_paint(rng), width_m=2.3),
        box((-0.1 * length_m, 0, 0.95), (0.75 * length_m, 0.9, 0.28), paint.SKIRT),
        *drawbar,
        tube((front_m - 0.6, 0, 0.0), (front_m - 0.6, 0, 1.07), 0.07, paint.STEEL),
        *wheels((-0.36 * length_m, -0.36 * length_m + 1.15), 2.3, 0.46, 0.3),
        *lights(0.01 - length_m / 2, 2.3, 0.95, paint.TAIL_LIGHT),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def _cab(rng: Generator, rear_m: float, front_m: float) -> list[Mesh]:
    """A cab over the front axle, lower than the cargo, with windows and mirrors."""
    body, top_m = paint.car_paint(rng), float(rng.uniform(1.9, 2.35))
    middle_m = (rear_m + front_m) / 2
    return [
        box((middle_m, 0, 0.8), (front_m - rear_m, 2.26, 0.88), body),
        wedge(
            (rear_m + 0.06, front_m, 1.1),
            (rear_m + 0.06, front_m - 0.28, 1.03),
            (1.24, top_m - 0.12),
            paint.GLASS,
        ),
        box((middle_m - 0.14, 0, top_m - 0.07), (front_m - rear_m - 0.28, 2.11, 0.14), body),
        box((rear_m + 0.05, 0, (top_m + 0.5) / 2), (0.1, 2.16, top_m - 0.5), body),
        *(box((front_m - 0.15, y, 1.6), (0.1, 0.1, 0.3), paint.SKIRT) for y in (-1.15, 1.15)),
    ]


def _cargo(
    x_range: tuple[float, float],
    z_range: tuple[float, float],
    material: Material,
    width_m: float = 2.4,
) -> list[Mesh]:
    """A box with a dark rail and a door seam, so that its sides are not blank."""
    (rear_m, front_m), (low_m, top_m) = x_range, z_range
    middle = ((rear_m + front_m) / 2, 0.0)
    size = (front_m - rear_m, 0.97 * width_m, top_m - low_m)
    return [
        box((*middle, (low_m + top_m) / 2), size, material),
        box((*middle, low_m + 0.06), (front_m - rear_m, width_m, 0.12), paint.SKIRT),
        box((rear_m, 0, (low_m + top_m) / 2), (0.03, 0.04, 0.9 * (top_m - low_m)), paint.SKIRT),
    ]


def _cargo_paint(rng: Generator) -> Material:
    return paint.bright_paint(rng) if rng.random() < 0.4 else _WHITE_CARGO
