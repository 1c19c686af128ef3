"""Predictions that no metric could score are refused with one line."""

import numpy as np

from cm3d.errors import InputError
from cm3d.tables import Boxes3D, NDArrayBool
from cm3d.tables.lookup import positions
from cm3d.tables.vocabulary import ATTRIBUTE_NAMES, CLASS_NAMES


def check_boxes(
    boxes: Boxes3D, source: str = "predictions", class_names: tuple[str, ...] = CLASS_NAMES
) -> None:
    """Check that every box has a known class and attribute, finite numbers and a volume.

    Raises:
        InputError: A box does not; the first one is named with its frame.
    """
    class_index = positions(boxes.class_name, class_names)
    attribute_index = positions(boxes.attribute_name, (*ATTRIBUTE_NAMES, ""))
    faults = {
        f"the class is none of {', '.join(class_names)}": class_index < 0,
        "the attribute is unknown": attribute_index < 0,
        "the score is not finite": ~np.isfinite(boxes.score),
        "the score is negative": boxes.score < 0,
        "the pose is not finite": ~np.isfinite(
            np.column_stack([boxes.center_m, boxes.yaw_rad])
        ).all(axis=1),
        "length, width and height are not all positive": ~_has_volume(boxes),
    }
    for fault, rows in faults.items():
        if rows.any():
            row = int(np.argmax(rows))
            frame = boxes.sample_token[row]
            raise InputError(f"{source}: box {row}, of frame {frame}: {fault}; write it anew")


def _has_volume(boxes: Boxes3D) -> NDArrayBool:
    size_m = np.column_stack([boxes.length_m, boxes.width_m, boxes.height_m])
    return np.asarray((np.isfinite(size_m) & (size_m > 0)).all(axis=1))
