"""Which way round a rectangle is."""

import numpy as np

from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import Boxes3D

_SQUARE_ASPECT = 1.5  # the longer to the shorter side, up to which the longer says nothing


def turn_to_reference(
    boxes: Boxes3D, reference: Boxes3D
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat]:
    """Read the footprints of N boxes the way that is nearest to N reference boxes.

    A rectangle has four readings, a quarter turn apart; odd turns swap length and width. A long
    one is read along the side along which the reference is long (barriers are wide), which
    leaves two; of those, and of the four of a squarish one, the heading nearest to the
    reference's is taken. So a heading that means something resolves front and rear, and one that
    means nothing, as the paper's 0 of people and cycles, cannot turn a long box across.

    Returns:
        Length, width and yaw of the readings.
    """
    odd = (boxes.length_m < boxes.width_m) != (reference.length_m < reference.width_m)
    difference = (reference.yaw_rad - boxes.yaw_rad) / (np.pi / 2)
    longer_m = np.maximum(boxes.length_m, boxes.width_m)
    squarish = longer_m <= _SQUARE_ASPECT * np.minimum(boxes.length_m, boxes.width_m)
    turns = np.where(squarish, np.round(difference), odd + 2 * np.round((difference - odd) / 2))
    swapped = turns % 2 == 1
    return (
        np.where(swapped, boxes.width_m, boxes.length_m),
        np.where(swapped, boxes.length_m, boxes.width_m),
        wrap_angle(boxes.yaw_rad + turns * np.pi / 2),
    )
