"""Cars, drawn 4.6 m x 1.9 m x 1.7 m and stretched to their size."""

from typing import Final

from numpy.random import Generator

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.chassis import lights, wheels
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.shapes.solids import box, tube, wedge

# x of the rear window's foot and of the roof's rear end: saloon, hatchback, van.
_REARS: Final = ((-1.75, -1.2), (-2.1, -1.85), (-2.25, -2.1))
_WINDSCREEN_M: Final = 1.1


def car(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A bonnet, a cabin with dark windows that narrows upwards, wheels and lights."""
    body = paint.car_paint(rng)
    rear_m, roof_rear_m = _REARS[int(rng.integers(len(_REARS)))]
    roof_front_m, waist_m = float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.92, 1.02))
    parts = [
        wedge((-2.2, 2.25, 0.87), (-2.3, 2.3, 0.92), (0.22, 0.65), body),
        wedge((-2.3, 2.3, 0.92), (-2.25, 2.1, 0.87), (0.65, waist_m), body),
        *_cabin((rear_m, _WINDSCREEN_M), (roof_rear_m, roof_front_m), waist_m, body),
        *wheels((-1.42, 1.42), 1.9, 0.33, 0.2),
        *lights(2.28, 1.9, 0.76, paint.HEADLIGHT),
        *lights(-2.28, 1.9, 0.76, paint.TAIL_LIGHT),
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
