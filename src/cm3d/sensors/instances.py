"""Instance-id images, which simulated data sets have beside their photographs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.tables import NDArrayObject

FOLDER = Path("instances")


def instance_image_path(camera_token: str) -> Path:
    """Where the instance ids of an image are, relative to the data set's root."""
    return FOLDER / f"{camera_token}.png"


def read_instances(path: Path) -> NDArrayInt:
    """Read the instance id of every pixel, (height, width); 0 is background.

    Raises:
        InputError: The file is missing or no 16-bit image.
    """
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if ids is None or ids.dtype != np.uint16 or ids.ndim != 2:
        raise InputError(f"{path}: no instance-id image; rerun `dvc repro download`")
    return ids.astype(np.int64)


@dataclass(frozen=True, eq=False)
class VisibleInstances:
    """What an instance-id image shows, by the simulator's account.

    Args:
        instance_id: (N,) ids that the image's pixels hold, ascending.
        class_name: (N,) one of the ten classes.
        visible_share: (N,) share of the object within the image that nothing hides, in [0, 1].
    """

    instance_id: NDArrayInt
    class_name: NDArrayObject
    visible_share: NDArrayFloat


def read_visible_instances(root: Path, scene_name: str) -> dict[str, VisibleInstances]:
    """Read what the images of a scene show, by camera token.

    Raises:
        InputError: The file is missing or malformed.
    """
    path = root / FOLDER / f"{scene_name}.json"
    try:
        images = json.loads(path.read_bytes())
        return {token: _visible(entries) for token, entries in images.items()}
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: missing; detect2d.backend: simulated needs a simulated data set"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: malformed ({error}); rerun `dvc repro download`") from error


def _visible(entries: list[dict[str, Any]]) -> VisibleInstances:
    ordered = sorted(entries, key=lambda entry: int(entry["instance_id"]))
    class_names = np.empty(len(ordered), dtype=object)
    class_names[:] = [entry["class_name"] for entry in ordered]
    return VisibleInstances(
        np.array([entry["instance_id"] for entry in ordered], dtype=np.int64),
        class_names,
        np.array([entry["visible_share"] for entry in ordered], dtype=np.float64),
    )
