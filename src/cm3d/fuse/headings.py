"""Which way round a rectangle is."""

import numpy as np

from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat


def turn_to_reference(
    length_m: NDArrayFloat,
    width_m: NDArrayFloat,
    yaw_rad: NDArrayFloat,
    reference_yaw_rad: NDArrayFloat,
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat]:
    """Read rectangles with the side as their front whose heading is nearest to a reference.

    A rectangle has four readings, a quarter turn apart; odd turns swap length and width. The
    footprint stays as it is. All arguments are (N,).

    Returns:
        Length, width and yaw of the reading.
    """
    turns = np.round((reference_yaw_rad - yaw_rad) / (np.pi / 2))
    swapped: NDArrayBool = turns % 2 == 1
    return (
        np.where(swapped, width_m, length_m),
        np.where(swapped, length_m, width_m),
        wrap_angle(yaw_rad + turns * np.pi / 2),
    )
