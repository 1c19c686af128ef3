"""How much a segment looks like an object, without labels."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.sam3d.rectangles import Rectangles

_FEW_POINTS = 20.0


def evidence(
    rectangles: Rectangles,
    area_px: NDArrayInt,
    point_count: NDArrayInt,
    pixel_m: float,
    dilation_px: int,
) -> NDArrayFloat:
    """Fill times support, (N,) in [0, 1].

    Fill is the share of the rectangle, grown by the image's dilation, that the segment's pixels
    cover: vehicles fill theirs, hedges and walls round a corner do not. Support is
    1 - exp(-points / 20), which saturates at some 60 points. SAM3D has SAM's predicted IoU here.

    Args:
        rectangles: N rectangles around the segments' points.
        area_px: (N,) pixels of the dilated segments.
        point_count: (N,) points of the segments.
        pixel_m: Side of a pixel.
        dilation_px: Side of the dilation's square.
    """
    grown_m2 = (rectangles.length_m + dilation_px * pixel_m) * (
        rectangles.width_m + dilation_px * pixel_m
    )
    fill = np.minimum(area_px * pixel_m**2 / grown_m2, 1.0)
    support = 1 - np.exp(-point_count / _FEW_POINTS)
    return np.asarray(fill * support)
