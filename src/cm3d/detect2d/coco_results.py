"""COCO results: a JSON list of detections."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from cm3d.errors import InputError
from cm3d.tables import Boxes2D
from cm3d.tables.vocabulary import CLASS_NAMES

_FIELDS = ("image_id", "category_id", "bbox", "score")


def read_coco_results(path: Path) -> tuple[Boxes2D, int]:
    """Read a file: `image_id` is the camera token, `category_id` counts from 1.

    `bbox` is x, y, width, height.

    Returns:
        Its detections, of the class "" where the category is unknown, and how many entries have
        no such fields. Values are not checked.

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
    whole = [entry for entry in entries if _has_fields(entry)]
    return _as_table(whole), len(entries) - len(whole)


def _as_table(entries: list[dict[str, Any]]) -> Boxes2D:
    names = dict(enumerate(CLASS_NAMES, start=1))
    boxes_xywh = np.array([entry["bbox"] for entry in entries], dtype=np.float64).reshape(-1, 4)
    low = boxes_xywh[:, :2]
    return Boxes2D.from_columns(
        camera_token=[str(entry["image_id"]) for entry in entries],
        detection_id=np.zeros(len(entries), dtype=np.int64),
        class_name=[names.get(entry["category_id"], "") for entry in entries],
        score=[entry["score"] for entry in entries],
        box_px=np.concatenate([low, low + boxes_xywh[:, 2:]], axis=1),
    )


def _has_fields(entry: Any) -> bool:
    if not isinstance(entry, dict) or any(field not in entry for field in _FIELDS):
        return False
    box = entry["bbox"]
    if not isinstance(box, list) or len(box) != 4 or type(entry["category_id"]) is not int:
        return False
    return all(type(number) in (int, float) for number in [*box, entry["score"]])
