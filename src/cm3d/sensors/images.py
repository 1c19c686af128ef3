"""Camera images."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte

# Calibrations and boxes are in pixels as they are stored; OpenCV would turn them as EXIF says.
_AS_STORED: Final = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


class UnreadableImageError(InputError):
    """An image file is missing or no image; of many images a few may be."""


def read_image(path: Path, size_px: tuple[int, int] | None = None) -> NDArrayByte:
    """Read an image as (height, width, 3) RGB, its pixels as they are stored.

    Args:
        path: Image file. An EXIF orientation is not applied.
        size_px: Width and height that it must have; None: any.

    Raises:
        UnreadableImageError: The file is missing or no image.
        InputError: The image has another size.
    """
    if not path.is_file():
        raise UnreadableImageError(
            f"{path}: image is missing; restore it or rerun `dvc repro download`"
        )
    image = cv2.imread(str(path), _AS_STORED)
    if image is None:
        raise UnreadableImageError(f"{path}: not a readable image; fetch the file again")
    height_px, width_px = image.shape[:2]
    if size_px is not None and (width_px, height_px) != size_px:
        raise InputError(
            f"{path}: the image is stored as {width_px}x{height_px} pixels, the data set says "
            f"{size_px[0]}x{size_px[1]}; store it at that size, unturned (EXIF orientation is not "
            "applied), or correct size and intrinsics and rerun `dvc repro download`"
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def image_size_px(path: Path) -> tuple[int, int]:
    """Width and height of an image as it is stored, from the file's header.

    Raises:
        UnreadableImageError: The file is missing or no image.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImageError(f"{path}: not a readable image; fetch the file again") from error
