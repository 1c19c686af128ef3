"""Detections that another program made."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cm3d.detect2d.coco_results import read_coco_results
from cm3d.detect2d.parquet_results import read_parquet_results
from cm3d.geometry.arrays import NDArrayBool
from cm3d.tables import Boxes2D, Cameras
from cm3d.tables.noted import Noted
from cm3d.tables.vocabulary import CLASS_NAMES


@dataclass(frozen=True, eq=False)
class Precomputed:
    """The usable content of a file of detections.

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
    """Read detections: COCO results, or the project's own table.

    Args:
        path: A `.parquet` file or a folder of them holds `Boxes2D`, anything else COCO results.
            Boxes are in pixels of the stored images.

    Returns:
        What can be used of it; the rest is counted, not fatal.

    Raises:
        InputError: The file is missing or of another kind.
    """
    is_table = path.is_dir() or path.suffix == ".parquet"
    boxes, malformed = read_parquet_results(path) if is_table else read_coco_results(path)
    whole = boxes[_is_detection(boxes)]
    known = whole[np.isin(whole.class_name, CLASS_NAMES)]
    return Precomputed(
        known.replace(detection_id=np.arange(len(known))),
        malformed + len(boxes) - len(whole),
        len(whole) - len(known),
    )


def _is_detection(boxes: Boxes2D) -> NDArrayBool:
    """Whether each has a score in [0, 1] and corners in order; NaN has neither."""
    low_px, high_px = boxes.box_px[:, :2], boxes.box_px[:, 2:]
    in_order = np.isfinite(boxes.box_px).all(axis=1) & (low_px <= high_px).all(axis=1)
    return np.asarray(in_order & (boxes.score >= 0) & (boxes.score <= 1))
