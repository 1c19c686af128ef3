"""Mask erosion (paper, appendix A), at the pixels that points fall on."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.lift.points.mask_runs import MaskRuns


def erosion_margin_px(kernel_px: int, kernel_width_px: int, mask_width_px: int) -> int:
    """How far a square kernel eats into a mask of another width.

    A kernel of side k takes k // 2 pixels off every edge at its own image width. That margin is
    scaled to the mask's width and rounded; it is never below one pixel, except where the kernel
    is off (0 or 1). So 3 at 1024 px takes one pixel at 1024 and at 800 px alike.
    """
    margin_px = kernel_px // 2
    if margin_px == 0:
        return 0
    return max(1, round(margin_px * mask_width_px / kernel_width_px))


def inside_eroded(
    runs: MaskRuns, masks: NDArrayInt, columns: NDArrayInt, rows: NDArrayInt, margin_px: int
) -> NDArrayBool:
    """Whether pixels stay in their masks after erosion by a square of side 2 margin + 1.

    A pixel stays if the mask contains its whole neighbourhood; as with `cv2.erode`, the image's
    edge takes nothing away.

    Args:
        runs: Masks of one image.
        masks: (H,) mask of each pixel.
        columns: (H,) pixels.
        rows: (H,) pixels.
        margin_px: 0 asks for the mask itself.
    """
    reach = np.arange(-margin_px, margin_px + 1)
    across = np.clip(columns[:, None, None] + reach[:, None], 0, runs.width_px - 1)
    down = np.clip(rows[:, None, None] + reach, 0, runs.height_px - 1)
    return np.asarray(runs.contain(masks[:, None, None], across, down).all(axis=(1, 2)))
