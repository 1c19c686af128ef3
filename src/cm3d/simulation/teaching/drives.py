"""Photographs that `render` wrote, and the objects on them."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat, NDArrayInt
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.sensors.cameras import NDArrayInstance

# Smaller objects on an image are neither asked for nor held against a network.
_MIN_VISIBLE_PX = 16
_MIN_SIDE_PX = 4


@dataclass(frozen=True, eq=False)
class Photograph:
    """One image with the truth about it.

    Args:
        rgb: (H, W, 3).
        instance_id: (H, W), 0 for the background.
        class_of: (I + 1,) position in `classes.CLASS_NAMES` of every instance id; -1 for the
            background.
    """

    rgb: NDArrayByte
    instance_id: NDArrayInstance
    class_of: NDArrayInt


@dataclass(frozen=True, eq=False)
class VisibleObjects:
    """Objects on one image, by what is seen of them.

    Args:
        instance_id: (N,).
        class_index: (N,) position in `classes.CLASS_NAMES`.
        box_px: (N, 4) around the visible pixels: x_min, y_min, x_max, y_max.
        is_small: (N,) too little is seen to learn from.
    """

    instance_id: NDArrayInt
    class_index: NDArrayInt
    box_px: NDArrayFloat
    is_small: NDArrayInt


class Drives:
    """The photographs in a folder, counted over its worlds; finished worlds only."""

    def __init__(self, folder: Path) -> None:
        """List the folder.

        Raises:
            InputError: There is nothing in it.
        """
        self._stems: list[Path] = []
        self._class_of: list[NDArrayInt] = []
        for path in sorted(folder.glob("*.json")):
            index = json.loads(path.read_text())
            class_of = np.full(len(index["classes"]) + 1, -1, dtype=np.int64)
            for instance_id, class_name in index["classes"].items():
                class_of[int(instance_id)] = CLASS_NAMES.index(class_name)
            for image in range(index["images"]):
                self._stems.append(folder / f"{path.stem}_{image}")
                self._class_of.append(class_of)
        if not self._stems:
            raise InputError(
                f"{folder}: no images; run `python -m cm3d.simulation.teaching.render`"
            )

    def __len__(self) -> int:
        """Number of photographs."""
        return len(self._stems)

    def __getitem__(self, row: int) -> Photograph:
        """Read one photograph."""
        stem = self._stems[row]
        bgr = cv2.imread(str(stem.with_suffix(".jpg")), cv2.IMREAD_COLOR)
        instance_id = cv2.imread(str(stem.with_suffix(".png")), cv2.IMREAD_UNCHANGED)
        if bgr is None or instance_id is None:
            raise InputError(f"{stem}: not readable; delete {stem.parent} and render again")
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        return Photograph(rgb, np.asarray(instance_id, dtype=np.uint16), self._class_of[row])


def visible_objects(photograph: Photograph) -> VisibleObjects:
    """What is on a photograph."""
    ids = photograph.instance_id
    places = ndimage.find_objects(ids.astype(np.int32))
    found = [(index, place) for index, place in enumerate(places, 1) if place is not None]
    instance_id = np.array([index for index, _ in found], dtype=np.int64)
    corners = [(x.start, y.start, x.stop, y.stop) for _, (y, x) in found]
    box_px = np.array(corners, dtype=np.float64).reshape(-1, 4)
    visible_px = np.bincount(ids.ravel(), minlength=1 + instance_id.max(initial=0))[instance_id]
    side_px = (box_px[:, 2:] - box_px[:, :2]).min(axis=1, initial=np.inf)
    is_small = (visible_px < _MIN_VISIBLE_PX) | (side_px < _MIN_SIDE_PX)
    return VisibleObjects(instance_id, photograph.class_of[instance_id], box_px, is_small)
