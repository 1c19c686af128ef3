"""Detections that another program made, as COCO results JSON."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import Boxes2D, Cameras
from cm3d.tables.noted import Noted
from cm3d.tables.vocabulary import CLASS_NAMES

_FIELDS = ("image_id", "category_id", "bbox", "score")


@dataclass(frozen=True, eq=False)
class Precomputed:
    """The usable content of a COCO results file.

    Args:
        boxes: Detections on any image, in the order of the file.
        malformed: Entries without the fields of a detection, or with values that are none.
        unknown_categories: Entries whose category is not one of the ten.
    """

    boxes: Boxes2D
    malformed: int
    unknown_categories: int

    def unknown_images(self, camera_tokens: Collection[str]) -> int:
        """How many detections are on images outside `camera_tokens`."""
        return int(np.sum(~np.isin(self.boxes.camera_token, list(camera_tokens))))


@dataclass(frozen=True, eq=False)
class PrecomputedDetector:
    """A detector that has already answered; meets `protocol.Detector2D`.

    Args:
        boxes: Detections, also of other scenes.
    """

    boxes: Boxes2D

    def detect(self, scene_name: str, cameras: Cameras) -> Noted[Boxes2D]:
        """The detections on these images."""
        return Noted(self.boxes[np.isin(self.boxes.camera_token, cameras.camera_token)])


def read_precomputed(path: Path) -> Precomputed:
    """Read COCO results: `image_id` is the camera token, `category_id` counts from 1.

    `bbox` is x, y, width, height in pixels of the stored image. Entries that cannot be used are
    counted, not fatal.

    Raises:
        InputError: The file is missing or no list of results.
    """
    try:
        entries = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); correct detect2d.precomputed_file"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: no valid JSON ({error}); write it again") from error
    if not isinstance(entries, list):
        raise InputError(f"{path}: no list of COCO results; write it again")
    return _parse(entries)


def _parse(entries: list[Any]) -> Precomputed:
    whole = [entry for entry in entries if _is_detection(entry)]
    known = [entry for entry in whole if 1 <= entry["category_id"] <= len(CLASS_NAMES)]
    boxes = Boxes2D.from_columns(
        camera_token=[str(entry["image_id"]) for entry in known],
        detection_id=np.arange(len(known)),
        class_name=[CLASS_NAMES[entry["category_id"] - 1] for entry in known],
        score=[entry["score"] for entry in known],
        box_px=_corners(np.array([e["bbox"] for e in known], dtype=np.float64).reshape(-1, 4)),
    )
    return Precomputed(boxes, len(entries) - len(whole), len(whole) - len(known))


def _is_detection(entry: Any) -> bool:
    if not isinstance(entry, dict) or any(field not in entry for field in _FIELDS):
        return False
    box, score, category = entry["bbox"], entry["score"], entry["category_id"]
    if not isinstance(box, list) or len(box) != 4 or type(category) is not int:
        return False
    numbers = [*box, score]
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        return False
    return bool(np.isfinite(numbers).all()) and 0 <= score <= 1


def _corners(boxes_xywh: NDArrayFloat) -> NDArrayFloat:
    low = boxes_xywh[:, :2]
    return np.concatenate([low, low + boxes_xywh[:, 2:]], axis=1)
