"""Boxes as an official nuScenes result file."""

import json
from typing import Any, Final

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.angles import quaternions_wxyz
from cm3d.tables.boxes import Boxes3D
from cm3d.tables.index import Frames
from cm3d.tables.words import rows_by_word

MAX_BOXES_PER_FRAME: Final = 500  # that the detection task allows


def submission(
    boxes: Boxes3D, frames: Frames, use_camera: bool, use_lidar: bool, use_map: bool
) -> dict[str, Any]:
    """Build a result file's content.

    Args:
        boxes: Predictions in the global frame; the best 500 of each frame are taken, boxes of
            frames not in the split are left out. JSON has no NaN: unknown velocities are 0.
        frames: The split; each frame has an entry, if only an empty one.
        use_camera: Whether the method sees images at test time.
        use_lidar: Whether it sees LiDAR.
        use_map: Whether it uses the map.

    Raises:
        InputError: A box has a broken number.
    """
    for name in ("score", "center_m", "length_m", "width_m", "height_m", "yaw_rad"):
        finite = np.isfinite(getattr(boxes, name))
        finite = finite.all(axis=1) if finite.ndim > 1 else finite
        if not finite.all():
            row = int(np.argmin(finite))
            raise InputError(
                f"predictions: box {row}, of frame {boxes.sample_token[row]}: the {name} is not "
                "finite; write it anew"
            )
    meta = {
        "use_camera": use_camera,
        "use_lidar": use_lidar,
        "use_radar": False,
        "use_map": use_map,
        "use_external": False,
    }
    tokens = frames.sample_token.tolist()
    rows = rows_by_word(boxes.sample_token, tokens)
    results = {
        token: _entries(boxes[_best(boxes, own)]) for token, own in zip(tokens, rows, strict=True)
    }
    return {"meta": meta, "results": results}


def encode(content: dict[str, Any]) -> bytes:
    """A result file's bytes, the same for the same content."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _best(boxes: Boxes3D, rows: Any) -> Any:
    """Of some rows, ascending, those of the best boxes."""
    best = np.argsort(-boxes.score[rows], kind="stable")[:MAX_BOXES_PER_FRAME]
    return rows[np.sort(best)]


def _entries(boxes: Boxes3D) -> list[dict[str, Any]]:
    columns = {
        "sample_token": boxes.sample_token,
        "translation": boxes.center_m,
        "size": np.stack([boxes.width_m, boxes.length_m, boxes.height_m], axis=1),
        "rotation": quaternions_wxyz(boxes.yaw_rad),
        "velocity": np.nan_to_num(boxes.velocity_mps),
        "detection_name": boxes.class_name,
        "detection_score": boxes.score,
        "attribute_name": boxes.attribute_name,
    }
    values = [column.tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
