"""Vehicles on four and more wheels, drawn in metres and stretched to their exact size.

Drawn with x forward and z = 0 on the ground: cars 4.6 m x 1.9 m x 1.7 m, construction vehicles
5.5 m x 2.5 m x 2.4 m, trucks and trailers at their own length.
"""

from typing import Final

import numpy as np
from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.shapes.solids import box, tube, wedge, wheel

# x of a car's rear window's foot and of its roof's rear end: saloon, hatchback, van.
_REARS: Final = ((-1.75, -1.2), (-2.1, -1.85), (-2.25, -2.1))
_WINDSCREEN_M: Final = 1.1
_WHITE_CARGO: Final = Material((0.85, 0.85, 0.83), 0.55, 0.4)


def car(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A bonnet, a cabin with dark windows that narrows upwards, wheels and lights."""
    body = paint.car_paint(rng)
    rear_m, roof_rear_m = _REARS[int(rng.integers(len(_REARS)))]
    roof_front_m, waist_m = float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.92, 1.02))
    parts = [
        wedge((-2.2, 2.25, 0.87), (-2.3, 2.3, 0.92), (0.22, 0.65), body),
        wedge((-2.3, 2.3, 0.92), (-2.25, 2.1, 0.87), (0.65, waist_m), body),
        *_cabin((rear_m, _WINDSCREEN_M), (roof_rear_m, roof_front_m), waist_m, body),
        *_wheels((-1.42, 1.42), 1.9, 0.33, 0.2),
        *_lights(2.28, 1.9, 0.76, paint.HEADLIGHT),
        *_lights(-2.28, 1.9, 0.76, paint.TAIL_LIGHT),
        *(box((0.87, y, waist_m), (0.12, 0.1, 0.1), body) for y in (-0.88, 0.88)),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def _cabin(
    foot_m: tuple[float, float], roof_m: tuple[float, float], waist_m: float, body: Material
) -> list[Mesh]:
    """Glass between posts under a roof; `foot_m` and `roof_m` are rear and front x."""
    glass = wedge((*foot_m, 0.87), (*roof_m, 0.7), (waist_m, 1.62), paint.GLASS)
    roof = wedge(
        (roof_m[0] - 0.05, roof_m[1] + 0.09, 0.73),
        (roof_m[0] + 0.09, roof_m[1] - 0.05, 0.68),
        (1.58, 1.7),
        body,
    )
    middles = (sum(foot_m) / 2 - 0.1, sum(roof_m) / 2)
    posts = [
        tube((x, side * 0.865, waist_m), (top_x, side * 0.695, 1.62), 0.04, body, sections=4)
        for x, top_x in [*zip(foot_m, roof_m, strict=True), middles]
        for side in (-1, 1)
    ]
    return [glass, roof, *posts]


def truck(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A cab in front of a cargo box, 2.4 m wide and 2.6 m high before it is stretched."""
    front_m = length_m / 2
    cab_m = front_m - min(2.0, 0.3 * length_m)
    parts = [
        box((0, 0, 0.52), (0.96 * length_m, 1.2, 0.26), paint.SKIRT),
        *_cab(rng, cab_m, front_m),
        *_cargo((-front_m, cab_m - 0.15), (0.68, 2.6), _cargo_paint(rng)),
        *_wheels((-0.36 * length_m, -0.2 * length_m, front_m - 0.95), 2.4, 0.48, 0.31),
        *_lights(front_m - 0.03, 2.4, 0.75, paint.HEADLIGHT),
        *_lights(0.03 - front_m, 2.4, 0.75, paint.TAIL_LIGHT),
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
        *_wheels((-3.2, 3.1), 2.6, 0.5, 0.29),
        *_lights(5.73, 2.6, 0.76, paint.HEADLIGHT),
        *_lights(-5.73, 2.6, 0.76, paint.TAIL_LIGHT),
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
        *_wheels((-0.36 * length_m, -0.36 * length_m + 1.15), 2.3, 0.46, 0.3),
        *_lights(0.01 - length_m / 2, 2.3, 0.95, paint.TAIL_LIGHT),
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
        *_wheels((-1.55, 1.1), 2.25, 0.58, 0.45),
    ]
    return Mesh.concatenate(parts)


def _wheels(
    axles_m: tuple[float, ...], vehicle_width_m: float, radius_m: float, tyre_m: float
) -> list[Mesh]:
    """A pair of wheels per axle position, flush with the sides."""
    y = vehicle_width_m / 2 - tyre_m / 2 - 0.012
    return [wheel((x, side * y, radius_m), radius_m, tyre_m) for x in axles_m for side in (-1, 1)]


def _lights(x_m: float, vehicle_width_m: float, height_m: float, lamp: Material) -> list[Mesh]:
    """Two lamps and the plate at one end of a vehicle."""
    y, size = 0.36 * vehicle_width_m, (0.04, 0.16 * vehicle_width_m, 0.11)
    plate = box((x_m, 0, 0.75 * height_m), (0.04, 0.45, 0.11), paint.PLATE)
    return [*(box((x_m, side * y, height_m), size, lamp) for side in (-1, 1)), plate]
