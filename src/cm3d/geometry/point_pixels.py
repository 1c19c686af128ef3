"""Points whose places in images are known, so that no camera model has to project them."""

from dataclasses import dataclass

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class PointPixels(Rows):
    """A row per place.

    Args:
        point: (M,) rows of an array of points.
        channel: (M,) names of cameras; empty: the point is in no image.
        pixel_px: (M, 2) column and row, from the image's upper left corner; of the size and lens
            that the index has.
    """

    point: NDArrayInt
    channel: NDArrayObject
    pixel_px: NDArrayFloat
