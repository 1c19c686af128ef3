"""How SAM3D shows its bird's-eye image to SAM, and where it points."""

import cv2
import matplotlib
import numpy as np

from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat

_NEIGHBOURHOOD = np.ones((3, 3), dtype=np.uint8)


def coloured(image: NDArrayByte) -> NDArrayByte:
    """Grey values (H, W) from 1 to 255 as the colours of a rainbow (H, W, 3), 0 as black."""
    brightness = (image.astype(np.float64) - 1) / 254
    colours = matplotlib.colormaps["rainbow"](brightness, bytes=True)[..., :3]
    return np.asarray(np.where(image[..., None] > 0, colours, np.uint8(0)))


def grid_prompts(image: NDArrayByte, per_side: int) -> NDArrayFloat:
    """Points x, y (N, 2) of an even grid over an image (H, W) that lie on something or next to it.

    Args:
        image: 0 where empty.
        per_side: Points along each side of the whole grid.
    """
    height_px, width_px = image.shape
    share = (np.arange(per_side) + 0.5) / per_side
    x, y = (axis.ravel() for axis in np.meshgrid(share * width_px, share * height_px))
    near = cv2.dilate((image > 0).astype(np.uint8), _NEIGHBOURHOOD)
    return np.column_stack([x, y])[near[y.astype(np.int64), x.astype(np.int64)] > 0]
