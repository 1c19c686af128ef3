"""Detections that another program made."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.detect2d.common.postprocess import clip_boxes
from cm3d.detect2d.common.protocol import Detector2D, Setting
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayInt
from cm3d.shelf.coco import (
    fault_of_box,
    fault_of_scored,
    image_name,
    names_of_categories,
    read_coco_results,
)
from cm3d.shelf.on_images import refuse_shares, rows_by_image, usable
from cm3d.shelf.results import Entries, Results, Unused, is_tables, read_tables
from cm3d.tables import Boxes2D, Cameras, read_scenes, scene_names
from cm3d.tables.contract import shown
from cm3d.tables.noted import Noted
from cm3d.taxonomy import Taxonomy

OUTSIDE: Final = "entries_outside_their_images"

_KEY: Final = "detect2d.precomputed.file"


def build(setting: Setting) -> Detector2D:
    """The answers in the file that `detect2d.precomputed` names.

    Raises:
        InputError: The file cannot be read.
    """
    return PrecomputedDetector(_read_once(setting).rows)


def count_unused(setting: Setting) -> Unused:
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
        InputError: The file is missing or of another kind, none of its entries can be used, or
            boxes are no pixels.
    """
    entries = read_tables(Boxes2D, path, _KEY) if is_tables(path) else _coco(path, taxonomy)
    entries = entries.by_rules("score", "box_px")
    found = usable(entries, taxonomy, cameras, (path, _KEY))
    refuse_shares(found.rows.box_px, path)
    return _on_images(found, cameras, path)


@lru_cache(maxsize=1)
def _read_once(setting: Setting) -> Results[Boxes2D]:
    cameras = read_scenes(Cameras, setting.cameras, scene_names(setting.cameras))
    path = Path(setting.detect2d.precomputed.file)
    return read_detections(path, setting.taxonomy, cameras)


def _coco(path: Path, taxonomy: Taxonomy) -> Entries[Boxes2D]:
    whole, number, malformed = read_coco_results(path, _KEY, _fault_of)
    boxes_xywh = np.array([entry["bbox"] for entry in whole], dtype=np.float64).reshape(-1, 4)
    low = boxes_xywh[:, :2]
    boxes = Boxes2D.from_columns(
        camera_token=[image_name(entry["image_id"]) for entry in whole],
        detection_id=np.zeros(len(whole), dtype=np.int64),
        class_name=names_of_categories((entry["category_id"] for entry in whole), taxonomy),
        score=[entry["score"] for entry in whole],
        box_px=np.concatenate([low, low + boxes_xywh[:, 2:]], axis=1),
    )
    return Entries(boxes, number, malformed)


def _fault_of(entry: Any) -> str:
    return fault_of_scored(entry) or fault_of_box(entry.get("bbox"))


def _on_images(found: Results[Boxes2D], cameras: Cameras, path: Path) -> Results[Boxes2D]:
    """Detections that have a part of their image, numbered; the others are counted.

    Raises:
        InputError: None of them has.
    """
    boxes = found.rows
    clipped = boxes.replace(detection_id=np.arange(len(boxes)))
    kept = clip_boxes(clipped, cameras).detection_id
    if len(boxes) and not len(kept):
        raise InputError(
            f"{path}: no box has a part of its image, as {shown(boxes.box_px[0])} on "
            f"{boxes.camera_token[0]}; write x, y, width and height in pixels of the stored images"
        )
    inside = boxes[kept]
    unused = Unused(found.unused | {OUTSIDE: len(boxes) - len(inside)}, found.unused.first)
    return Results(inside.replace(detection_id=np.arange(len(inside))), unused)
