"""The plainest mask: the box itself."""

from collections.abc import Sequence

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.shelf.prepared import Prepare, Prepared, as_is


class BoxSegmenter:
    """Takes the whole box for the object; meets `protocol.Segmenter`."""

    @property
    def prepare(self) -> Prepare:
        """The image as it is."""
        return as_is

    def segment(
        self, batch: Sequence[Prepared], boxes_px: Sequence[NDArrayFloat]
    ) -> list[NDArrayBool]:
        """Fill each box."""
        return [
            _filled(boxes, *prepared["image"].shape[:2])
            for prepared, boxes in zip(batch, boxes_px, strict=True)
        ]


def _filled(boxes_px: NDArrayFloat, height_px: int, width_px: int) -> NDArrayBool:
    low_x, low_y, high_x, high_y = pixel_bounds(boxes_px, width_px, height_px).T[..., None]
    columns, rows = np.arange(width_px), np.arange(height_px)
    in_columns = (columns >= low_x) & (columns < high_x)
    in_rows = (rows >= low_y) & (rows < high_y)
    return np.asarray(in_rows[:, :, None] & in_columns[:, None, :])


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
