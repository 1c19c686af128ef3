"""Images at the size that the detector was trained on."""

from typing import Final

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayByte

# The embedded data set's images are 800x450, and so were all that the detector has seen.
_LONGER_SIDE_PX: Final = 800
_MULTIPLE_PX: Final = 32  # the stride of the detector's deepest features
_GREY: Final = 115


def working_scale(height_px: int, width_px: int) -> float:
    """Factor that brings the longer side to the working size."""
    return _LONGER_SIDE_PX / max(height_px, width_px)


def at_working_size(image: NDArrayByte) -> NDArrayByte:
    """An RGB image (H, W, 3) scaled to the working size, with grey at its right and lower end.

    The grey fills up to whole multiples of the detector's stride.
    """
    height_px, width_px = image.shape[:2]
    scale = working_scale(height_px, width_px)
    size_px = (max(round(width_px * scale), 1), max(round(height_px * scale), 1))
    if size_px != (width_px, height_px):
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size_px, interpolation=interpolation), dtype=np.uint8)
    right, below = -size_px[0] % _MULTIPLE_PX, -size_px[1] % _MULTIPLE_PX
    return np.pad(image, ((0, below), (0, right), (0, 0)), constant_values=_GREY)
