"""Detections that another program made."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from cm3d.detect2d.common.protocol import Detector2D, Setting
from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.shelf.results import (
    Results,
    is_box,
    is_scored,
    is_tables,
    names_of_categories,
    read_coco_results,
    read_tables,
    rows_by_image,
    usable,
)
from cm3d.tables import Boxes2D, Cameras, read_scenes, scene_names
from cm3d.tables.noted import Noted
from cm3d.taxonomy import Taxonomy

_KEY = "detect2d.precomputed.file"


def build(setting: Setting) -> Detector2D:
    """The answers in the file that `detect2d.precomputed` names.

    Raises:
        InputError: The file cannot be read.
    """
    return PrecomputedDetector(_read_once(setting).rows)


def count_unused(setting: Setting) -> dict[str, int]:
    """How many entries of the file lead to no box, by reason.

    Raises:
        InputError: The file cannot be read.
    """
    return _read_once(setting).unused


class PrecomputedDetector:
    """A detector that has already answered; meets `protocol.Detector2D`."""

    def __init__(self, boxes: Boxes2D) -> None:
        """Take detections, also of other scenes."""
        self._boxes, self._rows = boxes, rows_by_image(boxes.camera_token)

    def detect(self, scene_name: str, cameras: Cameras) -> Noted[Boxes2D]:
        """The detections on these images, in the order of the file."""
        rows: list[NDArrayInt] = [np.empty(0, dtype=np.int64)]
        rows += [self._rows[token] for token in cameras.camera_token if token in self._rows]
        return Noted(self._boxes[np.sort(np.concatenate(rows))])


def read_detections(path: Path, taxonomy: Taxonomy, cameras: Cameras) -> Results[Boxes2D]:
    """Read detections: COCO results, or the project's own table.

    Args:
        path: A `.parquet` file or a folder of them holds `Boxes2D`, anything else COCO results.
            Boxes are in pixels of the stored images.
        taxonomy: Its order is that of COCO's categories, from 1.
        cameras: All images of the data set.

    Raises:
        InputError: The file is missing or of another kind, or none of its entries can be used.
    """
    if is_tables(path):
        boxes, malformed = read_tables(Boxes2D, path, _KEY)
    else:
        boxes, malformed = _coco(path, taxonomy)
    numbered = boxes.replace(detection_id=np.arange(len(boxes)))
    return usable(numbered, _is_detection(boxes), malformed, taxonomy, cameras, (path, _KEY))


@lru_cache(maxsize=1)
def _read_once(setting: Setting) -> Results[Boxes2D]:
    cameras = read_scenes(Cameras, setting.cameras, scene_names(setting.cameras))
    path = Path(setting.detect2d.precomputed.file)
    return read_detections(path, setting.taxonomy, cameras)


def _coco(path: Path, taxonomy: Taxonomy) -> tuple[Boxes2D, int]:
    entries = read_coco_results(path, _KEY)
    whole = [entry for entry in entries if is_scored(entry) and is_box(entry.get("bbox"))]
    boxes_xywh = np.array([entry["bbox"] for entry in whole], dtype=np.float64).reshape(-1, 4)
    low = boxes_xywh[:, :2]
    boxes = Boxes2D.from_columns(
        camera_token=[str(entry["image_id"]) for entry in whole],
        detection_id=np.zeros(len(whole), dtype=np.int64),
        class_name=names_of_categories((entry["category_id"] for entry in whole), taxonomy),
        score=[entry["score"] for entry in whole],
        box_px=np.concatenate([low, low + boxes_xywh[:, 2:]], axis=1),
    )
    return boxes, len(entries) - len(whole)


def _is_detection(boxes: Boxes2D) -> NDArrayBool:
    """Whether each has a score in [0, 1] and corners in order; NaN has neither."""
    low_px, high_px = boxes.box_px[:, :2], boxes.box_px[:, 2:]
    in_order = np.isfinite(boxes.box_px).all(axis=1) & (low_px <= high_px).all(axis=1)
    return np.asarray(in_order & (boxes.score >= 0) & (boxes.score <= 1))
