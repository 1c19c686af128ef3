"""Parts that many vehicles share, in metres; x forward, z = 0 on the ground."""

from cm3d.simulation.shapes import paint
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.shapes.solids import box, wheel


def wheels(
    axles_m: tuple[float, ...], vehicle_width_m: float, radius_m: float, tyre_m: float
) -> list[Mesh]:
    """A pair of wheels per axle position, flush with the sides."""
    y = vehicle_width_m / 2 - tyre_m / 2 - 0.012
    return [wheel((x, side * y, radius_m), radius_m, tyre_m) for x in axles_m for side in (-1, 1)]


def lights(x_m: float, vehicle_width_m: float, height_m: float, lamp: Material) -> list[Mesh]:
    """Two lamps and the plate at one end of a vehicle."""
    y, size = 0.36 * vehicle_width_m, (0.04, 0.16 * vehicle_width_m, 0.11)
    plate = box((x_m, 0, 0.75 * height_m), (0.04, 0.45, 0.11), paint.PLATE)
    return [*(box((x_m, side * y, height_m), size, lamp) for side in (-1, 1)), plate]
