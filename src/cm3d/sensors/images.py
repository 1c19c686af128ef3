"""Camera images."""

from pathlib import Path

import cv2
import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte


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
