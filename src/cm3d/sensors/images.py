"""Camera images."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte

# EXIF: the tag, and its least value for images that OpenCV turns by 90 degrees
_ORIENTATION: Final = 0x0112
_FIRST_ON_ITS_SIDE: Final = 5


def read_image(path: Path) -> NDArrayByte:
    """Read an image as (height, width, 3) RGB.

    Raises:
        InputError: The file is missing or no image.
    """
    if not path.is_file():
        raise InputError(f"{path}: image is missing; restore it or rerun `dvc repro download`")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: not a readable image; fetch the file again")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def image_size_px(path: Path) -> tuple[int, int]:
    """Width and height of the image that `read_image` gives, from the file's header.

    Raises:
        InputError: The file is missing or no image.
    """
    try:
        with Image.open(path) as image:
            width_px, height_px = image.size
            is_on_its_side = image.getexif().get(_ORIENTATION, 1) >= _FIRST_ON_ITS_SIDE
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image; fetch the file again") from error
    return (height_px, width_px) if is_on_its_side else (width_px, height_px)
