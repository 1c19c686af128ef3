"""Instance-id images: which object each pixel shows, where a data set knows it."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayInt

FOLDER: Final = Path("instances")


def instance_image_path(camera_token: str) -> Path:
    """Where the instance ids of an image are, relative to the data set's root."""
    return FOLDER / f"{camera_token}.png"


def has_instances(root: Path) -> bool:
    """Whether a data set has such images."""
    return next((root / FOLDER).glob("*.png"), None) is not None


def read_instances(path: Path) -> NDArrayInt:
    """Read the instance id of every pixel, (height, width); 0 is background.

    Raises:
        InputError: The file is missing or no 16-bit image.
    """
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if ids is None or ids.dtype != np.uint16 or ids.ndim != 2:
        raise InputError(f"{path}: no instance-id image; rerun `dvc repro download`")
    return ids.astype(np.int64)
