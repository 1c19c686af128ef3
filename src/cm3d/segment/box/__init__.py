"""The plainest mask: the box itself."""

from collections.abc import Sequence

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.segment.common.pixels import pixel_bounds
from cm3d.segment.common.protocol import Segmenter, Setting
from cm3d.segment.common.scene import SceneSegmenter
from cm3d.shelf.prepared import Prepare, Prepared, as_is


def build(setting: Setting) -> Segmenter:
    """Boxes for masks."""
    width_px = setting.segment.max_width_px
    return SceneSegmenter(BoxSegmenter(), setting.root, width_px, setting.execution)


class BoxSegmenter:
    """Takes the whole box for the object; meets `protocol.ImageSegmenter`."""

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
