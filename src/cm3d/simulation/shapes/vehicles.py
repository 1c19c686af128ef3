"""Cars, trucks, buses, trailers and construction machines.

Every function draws a mesh that fills a box of the given size centred on the origin, x forward.
Coordinates inside are shares of the box: x and y from -0.5 to 0.5, z from 0 to 1.
"""

from numpy.random import Generator

from cm3d.simulation.mesh import Material, Mesh
from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.solids import box, tube, wedge, wheel


def car(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A saloon, hatchback or van: bonnet, cabin with darker windows, wheels, lights."""
    body, long, wide, high = paint.car_paint(rng), length_m, width_m, height_m
    rear_glass, rear_roof = ((-0.38, -0.26), (-0.46, -0.4), (-0.49, -0.46))[int(rng.integers(3))]
    waist, roof = rng.uniform(0.54, 0.6), (rear_roof * long, rng.uniform(0.02, 0.1) * long)
    half = wide * 0.46
    parts = [
        wedge(
            (-0.48 * long, 0.49 * long, half),
            (-0.5 * long, 0.5 * long, 0.48 * wide),
            (0.13 * high, 0.38 * high),
            body,
        ),
        wedge(
            (-0.5 * long, 0.5 * long, 0.48 * wide),
            (-0.49 * long, 0.46 * long, half),
            (0.38 * high, waist * high),
            body,
        ),
        wedge(
            (rear_glass * long, 0.24 * long, half),
            (*roof, 0.37 * wide),
            (waist * high, 0.95 * high),
            paint.GLASS,
        ),
        wedge(
            (roof[0] - 0.01 * long, roof[1] + 0.02 * long, 0.385 * wide),
            (roof[0] + 0.02 * long, roof[1] - 0.01 * long, 0.36 * wide),
            (0.93 * high, high),
            body,
        ),
        *_pillars(long, wide, high, waist, (rear_glass * long, 0.24 * long), roof, body),
        *_wheels(long, wide, 0.2 * high, 0.105 * wide, (-0.31, 0.31)),
        *_lights(long, wide, 0.45 * high),
        *(
            box((0.19 * long, y * wide, waist * high), (0.12, 0.1, 0.1), body)
            for y in (-0.46, 0.46)
        ),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def truck(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A cab in front of a cargo box, or of an open bed on a pick-up."""
    cab_paint, cargo = paint.car_paint(rng), _cargo_paint(rng)
    long, wide, high = length_m, width_m, height_m
    cab_rear = 0.5 * long - min(2.0, 0.3 * long)
    floor = 0.26 * high
    cab_top = rng.uniform(0.72, 0.9)
    parts = [
        box((0, 0, 0.2 * high), (0.96 * long, 0.5 * wide, 0.1 * high), paint.SKIRT),
        wedge(
            (cab_rear, 0.5 * long, 0.47 * wide),
            (cab_rear, 0.5 * long, 0.47 * wide),
            (0.14 * high, 0.48 * high),
            cab_paint,
        ),
        wedge(
            (cab_rear + 0.06, 0.5 * long, 0.46 * wide),
            (cab_rear + 0.06, 0.46 * long, 0.43 * wide),
            (0.48 * high, cab_top * high - 0.12),
            paint.GLASS,
        ),
        box(
            ((cab_rear + 0.46 * long) / 2, 0, cab_top * high - 0.07),
            (0.46 * long - cab_rear, 0.88 * wide, 0.14),
            cab_paint,
        ),
        box(
            (cab_rear + 0.05, 0, 0.5 * (0.2 + cab_top) * high),
            (0.1, 0.9 * wide, (cab_top - 0.2) * high),
            cab_paint,
        ),
        *_cargo_box((-0.5 * long, cab_rear - 0.15), wide, (floor, high), cargo),
        *_wheels(long, wide, 0.48, 0.13 * wide, (-0.36, -0.2, 0.36)),
        *_lights(long, wide, 0.3 * high),
        *(
            box((0.48 * long, y * wide, 0.62 * high), (0.1, 0.1, 0.3), paint.SKIRT)
            for y in (-0.48, 0.48)
        ),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def bus(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A long body with a band of windows between pillars."""
    body, stripe = paint.bright_paint(rng), paint.car_paint(rng)
    long, wide, high = length_m, width_m, height_m
    low, top = 0.38 * high, 0.78 * high
    pillars = [
        box((x * long, 0, (low + top) / 2), (0.12, 0.995 * wide, top - low), body)
        for x in (-0.49, -0.37, -0.24, -0.11, 0.02, 0.15, 0.28, 0.41)
    ]
    parts = [
        box((0, 0, 0.2 * high), (long, 0.98 * wide, 0.24 * high), body),
        box((0, 0, 0.35 * high), (long, wide, 0.06 * high), stripe),
        box((0, 0, (low + top) / 2), (0.985 * long, 0.97 * wide, top - low), paint.GLASS),
        *pillars,
        wedge(
            (-0.5 * long, 0.5 * long, 0.5 * wide),
            (-0.49 * long, 0.48 * long, 0.45 * wide),
            (top, 0.94 * high),
            body,
        ),
        box((-0.2 * long, 0, 0.97 * high), (0.25 * long, 0.6 * wide, 0.06 * high), stripe),
        box((0.497 * long, 0, 0.83 * high), (0.04, 0.6 * wide, 0.06 * high), paint.HEADLIGHT),
        *_wheels(long, wide, 0.5, 0.11 * wide, (-0.28, 0.27)),
        *_lights(long, wide, 0.2 * high),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def trailer(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A box on two rear axles with a drawbar and a support leg in front."""
    cargo, long, wide, high = _cargo_paint(rng), length_m, width_m, height_m
    front = 0.5 * long - min(1.1, 0.15 * long)
    floor = 0.29 * high
    parts = [
        *_cargo_box((-0.5 * long, front), wide, (floor, high), cargo),
        box((-0.1 * long, 0, 0.9 * floor), (0.75 * long, 0.4 * wide, 0.25 * floor), paint.SKIRT),
        tube((front - 0.1, -0.3 * wide, 0.8 * floor), (0.5 * long, 0, 0.55), 0.06, paint.STEEL),
        tube((front - 0.1, 0.3 * wide, 0.8 * floor), (0.5 * long, 0, 0.55), 0.06, paint.STEEL),
        tube((front - 0.6, 0, 0.0), (front - 0.6, 0, floor), 0.07, paint.STEEL),
        *_wheels(long, wide, 0.46, 0.13 * wide, (-0.36, -0.25)),
        *(
            box(
                (-0.497 * long, y * wide, 0.85 * floor), (0.05, 0.12 * wide, 0.12), paint.TAIL_LIGHT
            )
            for y in (-0.38, 0.38)
        ),
    ]
    return Mesh.concatenate(parts).fitted(length_m, width_m, height_m)


def construction_vehicle(rng: Generator, length_m: float, width_m: float, height_m: float) -> Mesh:
    """An excavator on tracks or a wheel loader."""
    draw = _excavator if rng.random() < 0.55 else _loader
    machine = paint.MACHINE_YELLOW
    shade = rng.uniform(0.85, 1.05)
    red, green, blue = (float(min(channel * shade, 1.0)) for channel in machine.albedo)
    body = Material((red, green, blue), machine.reflectivity)
    return draw(length_m, width_m, height_m, body).fitted(length_m, width_m, height_m)


def _excavator(long: float, wide: float, high: float, body: Material) -> Mesh:
    tracks = [
        part
        for y in (-0.38 * wide, 0.38 * wide)
        for part in (
            box(
                (-0.12 * long, y, 0.14 * high), (0.6 * long, 0.22 * wide, 0.2 * high), paint.RUBBER
            ),
            tube(
                (-0.42 * long, y - 0.1 * wide, 0.12 * high),
                (-0.42 * long, y + 0.1 * wide, 0.12 * high),
                0.12 * high,
                paint.RUBBER,
                sections=8,
            ),
            tube(
                (0.18 * long, y - 0.1 * wide, 0.12 * high),
                (0.18 * long, y + 0.1 * wide, 0.12 * high),
                0.12 * high,
                paint.RUBBER,
                sections=8,
            ),
        )
    ]
    elbow, wrist = (
        (0.28 * long, -0.12 * wide, 0.97 * high),
        (0.44 * long, -0.12 * wide, 0.35 * high),
    )
    arm = [
        tube((-0.02 * long, -0.12 * wide, 0.4 * high), elbow, 0.13, body),
        tube(elbow, wrist, 0.1, body),
        wedge(
            (0.34 * long, 0.48 * long, 0.2 * wide),
            (0.38 * long, 0.5 * long, 0.2 * wide),
            (0.04 * high, 0.34 * high),
            paint.STEEL,
        ),
    ]
    house = [
        box((-0.2 * long, 0, 0.29 * high), (0.3 * long, 0.5 * wide, 0.12 * high), paint.SKIRT),
        wedge(
            (-0.5 * long, 0.08 * long, 0.47 * wide),
            (-0.47 * long, 0.06 * long, 0.45 * wide),
            (0.34 * high, 0.6 * high),
            body,
        ),
        box(
            (-0.06 * long, 0.24 * wide, 0.77 * high),
            (0.24 * long, 0.42 * wide, 0.34 * high),
            paint.GLASS,
        ),
        box(
            (-0.06 * long, 0.24 * wide, 0.96 * high), (0.26 * long, 0.44 * wide, 0.06 * high), body
        ),
    ]
    return Mesh.concatenate([*tracks, *arm, *house])


def _loader(long: float, wide: float, high: float, body: Material) -> Mesh:
    arms = [
        tube((-0.05 * long, y * wide, 0.55 * high), (0.38 * long, y * wide, 0.2 * high), 0.09, body)
        for y in (-0.2, 0.2)
    ]
    parts = [
        wedge(
            (-0.5 * long, -0.02 * long, 0.34 * wide),
            (-0.48 * long, -0.06 * long, 0.3 * wide),
            (0.25 * high, 0.6 * high),
            body,
        ),
        box((0.1 * long, 0, 0.33 * high), (0.26 * long, 0.4 * wide, 0.16 * high), body),
        wedge(
            (-0.16 * long, 0.06 * long, 0.3 * wide),
            (-0.14 * long, 0.02 * long, 0.27 * wide),
            (0.58 * high, 0.95 * high),
            paint.GLASS,
        ),
        box((-0.06 * long, 0, 0.97 * high), (0.22 * long, 0.6 * wide, 0.06 * high), body),
        tube(
            (-0.34 * long, 0.1 * wide, 0.6 * high),
            (-0.34 * long, 0.1 * wide, 0.8 * high),
            0.06,
            paint.STEEL,
        ),
        wedge(
            (0.36 * long, 0.5 * long, 0.5 * wide),
            (0.36 * long, 0.42 * long, 0.5 * wide),
            (0.02 * high, 0.34 * high),
            paint.STEEL,
        ),
        *arms,
        *_wheels(long, 0.9 * wide, 0.24 * high, 0.18 * wide, (-0.28, 0.2)),
    ]
    return Mesh.concatenate(parts)


def _cargo_paint(rng: Generator) -> Material:
    return (
        paint.bright_paint(rng) if rng.random() < 0.4 else Material((0.85, 0.85, 0.83), 0.55, 0.4)
    )


def _cargo_box(
    x_range: tuple[float, float], wide: float, z_range: tuple[float, float], material: Material
) -> list[Mesh]:
    """A box with dark corner posts and a rail, so that its sides are not blank."""
    rear, front = x_range
    low, top = z_range
    body = box(
        ((rear + front) / 2, 0, (low + top) / 2), (front - rear, 0.97 * wide, top - low), material
    )
    rail = box(((rear + front) / 2, 0, low + 0.06), (front - rear, wide, 0.12), paint.SKIRT)
    door = box((rear - 0.005, 0, (low + top) / 2), (0.03, 0.04, 0.9 * (top - low)), paint.SKIRT)
    return [body, rail, door]


def _pillars(
    long: float,
    wide: float,
    high: float,
    waist: float,
    bottom: tuple[float, float],
    roof: tuple[float, float],
    body: Material,
) -> list[Mesh]:
    """The posts between the side windows of a car."""
    middle = (bottom[0] + bottom[1]) / 2 - 0.02 * long
    top_middle = (roof[0] + roof[1]) / 2
    posts = [(bottom[1], roof[1]), (middle, top_middle), (bottom[0], roof[0])]
    return [
        tube(
            (x, side * 0.455 * wide, waist * high),
            (top_x, side * 0.365 * wide, 0.95 * high),
            0.04,
            body,
            sections=4,
        )
        for x, top_x in posts
        for side in (-1, 1)
    ]


def _wheels(
    long: float, wide: float, radius_m: float, tyre_m: float, axles: tuple[float, ...]
) -> list[Mesh]:
    """A pair per axle; `axles` are shares of the length."""
    y = 0.5 * wide - tyre_m / 2 - 0.012
    return [
        wheel((x * long, side * y, radius_m), radius_m, tyre_m) for x in axles for side in (-1, 1)
    ]


def _lights(long: float, wide: float, z: float) -> list[Mesh]:
    """Head and tail lights and plates."""
    size = (0.04, 0.16 * wide, 0.1)
    pairs = [(0.495 * long, paint.HEADLIGHT), (-0.495 * long, paint.TAIL_LIGHT)]
    lamps = [box((x, y * wide, z), size, lamp) for x, lamp in pairs for y in (-0.36, 0.36)]
    plates = [box((x, 0, 0.75 * z), (0.04, 0.45, 0.11), paint.PLATE) for x, _ in pairs]
    return [*lamps, *plates]
