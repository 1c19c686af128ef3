"""Images at the size that the paper's release gives to its models."""

import numpy as np
from PIL import Image

from cm3d.geometry.arrays import NDArrayByte


def thumbnail(image: NDArrayByte, max_side_px: int) -> NDArrayByte:
    """An RGB image (H, W, 3) shrunk until its longer side is `max_side_px`; never enlarged."""
    shrunk = Image.fromarray(image)
    shrunk.thumbnail((max_side_px, max_side_px))
    return np.asarray(shrunk, dtype=np.uint8)
