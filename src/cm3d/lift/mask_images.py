"""Masks as images: decoding, and erosion where it matters (paper, appendix A)."""

import numpy as np
from pycocotools import mask as coco_mask

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayInt
from cm3d.tables import Masks


def decode_masks(masks: Masks) -> NDArrayByte:
    """Decode the masks of one image.

    Returns:
        (M, width, height) of 0 and 1: column by column, as COCO stores them.

    Raises:
        InputError: Sizes differ, or an RLE is broken.
    """
    height_px, width_px = int(masks.height_px[0]), int(masks.width_px[0])
    camera_token = masks.camera_token[0]
    if np.any(masks.height_px != height_px) or np.any(masks.width_px != width_px):
        raise InputError(f"masks of camera {camera_token} differ in size; rerun `segment`")
    encoded = [{"size": [height_px, width_px], "counts": counts} for counts in masks.rle]
    try:
        images = coco_mask.decode(encoded)
    except ValueError as error:
        raise InputError(f"a mask of camera {camera_token} is broken; rerun `segment`") from error
    return np.ascontiguousarray(images.transpose(2, 1, 0))


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
    images: NDArrayByte,
    mask_rows: NDArrayInt,
    columns: NDArrayInt,
    rows: NDArrayInt,
    margin_px: int,
) -> NDArrayBool:
    """Whether pixels stay in their masks after erosion by a square of side 2 margin + 1.

    Looks at the neighbourhood of the asked pixels alone, which a few thousand points make far
    cheaper than eroding every image; as with `cv2.erode` the image's edge takes nothing away.

    Args:
        images: (M, width, height) masks.
        mask_rows: (H,) mask of each pixel.
        columns: (H,) pixels.
        rows: (H,) pixels.
        margin_px: 0 asks for the mask itself.
    """
    _, width_px, height_px = images.shape
    reach = np.arange(-margin_px, margin_px + 1)
    across = np.clip(columns[:, None, None] + reach[:, None], 0, width_px - 1)
    down = np.clip(rows[:, None, None] + reach, 0, height_px - 1)
    return np.asarray(images[mask_rows[:, None, None], across, down].all(axis=(1, 2)))
