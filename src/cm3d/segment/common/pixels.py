"""Which pixels of an image a box holds."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt


def pixel_bounds(boxes_px: NDArrayFloat, width_px: int, height_px: int) -> NDArrayInt:
    """The pixels whose centres lie in each box, at least one for a box with area in the image.

    Returns:
        (N, 4) first column, first row, one past the last column, one past the last row; the
        box holds no pixel where an end is not beyond its start.
    """
    size_px = np.array([width_px, height_px])
    low, high = np.clip(boxes_px[:, :2], 0, size_px), np.clip(boxes_px[:, 2:], 0, size_px)
    first = np.minimum(np.floor(low + 0.5), np.ceil(high) - 1).astype(np.int64)
    end = np.maximum(np.floor(high + 0.5).astype(np.int64), first + 1)
    has_area = np.all(high > low, axis=1, keepdims=True)
    return np.where(np.tile(has_area, 4), np.concatenate([first, end], axis=1), 0)
