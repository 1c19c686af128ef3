"""From an image to what a network is given.

Runs in the processes that read images, which have neither torch nor the networks' library.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cm3d.geometry.arrays import NDArrayByte
from cm3d.shelf.prepared import Prepared


@dataclass(frozen=True)
class Shrink:
    """Shrink alone, as the paper's release does before any network; meets `prepared.Prepare`.

    Args:
        max_side_px: Longer side of an image at most.
    """

    max_side_px: int

    def __call__(self, image: NDArrayByte) -> Prepared:
        """From an RGB image (H, W, 3) to `pixels` (3, h, w) and `size_px` (H, W)."""
        return prepared(thumbnail(image, self.max_side_px), image)


def thumbnail(image: NDArrayByte, max_side_px: int) -> NDArrayByte:
    """An RGB image (H, W, 3) shrunk until its longer side is `max_side_px`; never enlarged."""
    shrunk = Image.fromarray(image)
    shrunk.thumbnail((max_side_px, max_side_px))
    return np.asarray(shrunk, dtype=np.uint8)


def resize(image: NDArrayByte, size_px: tuple[int, int]) -> NDArrayByte:
    """An RGB image (H, W, 3) at another height and width, bilinear as Pillow has it."""
    height_px, width_px = size_px
    resized = Image.fromarray(image).resize((width_px, height_px), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def prepared(resized: NDArrayByte, image: NDArrayByte) -> Prepared:
    """`pixels` (3, h, w) of what a network is given, and `size_px` (H, W) of what it was."""
    pixels = np.ascontiguousarray(resized.transpose(2, 0, 1))
    return {"pixels": pixels, "size_px": np.array(image.shape[:2])}
