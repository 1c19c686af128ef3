"""Camera images."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

import cv2
import numpy as np
from PIL import Image

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte
from cm3d.sensors.jpeg import has_hole

# Calibrations and boxes are in pixels as they are stored; OpenCV would turn them as EXIF says.
_AS_STORED: Final = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_MOST_PX: Final = 2**27


class UnreadableImageError(InputError):
    """An image file is missing or no image; of many images a few may be."""


def read_image(path: Path, size_px: tuple[int, int] | None = None) -> NDArrayByte:
    """Read an image as (height, width, 3) RGB, its pixels as they are stored.

    Grey images have three equal channels, of 16 bits the upper 8 are taken, transparency is
    dropped.

    Args:
        path: Image file. An EXIF orientation is not applied.
        size_px: Width and height that it must have; None: any.

    Raises:
        UnreadableImageError: The file is missing, damaged, or no image.
        InputError: The image has another size.
    """
    if not path.is_file():
        raise UnreadableImageError(
            f"{path}: image is missing; restore it or rerun `dvc repro download`"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"{path}: cannot be read ({error.strerror})") from error
    # the header comes first: no memory for pixels that nobody expects
    width_px, height_px = _stored_size_px(BytesIO(content), path)
    if size_px is not None and (width_px, height_px) != size_px:
        raise InputError(
            f"{path}: the image is stored as {width_px}x{height_px} pixels, the data set says "
            f"{size_px[0]}x{size_px[1]}; store it at that size, unturned (EXIF orientation is not "
            "applied), or correct size and intrinsics and rerun `dvc repro download`"
        )
    # of a file, OpenCV pads pixels that are cut off; of bytes, it refuses them
    image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), _AS_STORED)
    if image is None or has_hole(content):
        raise UnreadableImageError(f"{path}: the image is damaged; fetch the file again")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def image_size_px(path: Path) -> tuple[int, int]:
    """Width and height of an image as it is stored, from the file's header.

    Raises:
        UnreadableImageError: The file is missing or no image.
    """
    if not path.is_file():
        raise UnreadableImageError(f"{path}: image is missing; restore it")
    try:
        with path.open("rb") as file:
            return _stored_size_px(file, path)
    except OSError as error:
        raise UnreadableImageError(f"{path}: cannot be read ({error.strerror})") from error


def _stored_size_px(file: BinaryIO, path: Path) -> tuple[int, int]:
    try:
        with Image.open(file) as image:
            width_px, height_px = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImageError(f"{path}: not a readable image; fetch the file again") from error
    if width_px * height_px > _MOST_PX:  # Pillow's own limit is off where another library wants so
        raise UnreadableImageError(
            f"{path}: its header claims {width_px}x{height_px} pixels, more than any camera has; "
            "fetch the file again"
        )
    return width_px, height_px
