"""Boxes as an official nuScenes result file."""

import json
from collections import defaultdict
from typing import Any

import numpy as np

from cm3d.evaluation.filtering import group_by_frame, keep_best, submitted
from cm3d.evaluation.validation import check_boxes
from cm3d.geometry.angles import quaternions_wxyz
from cm3d.tables import Boxes3D, Frames


def submission(
    boxes: Boxes3D, frames: Frames, use_camera: bool, use_lidar: bool, use_map: bool
) -> dict[str, Any]:
    """Build a result file's content.

    Args:
        boxes: Predictions in the global frame; the best 500 of each frame are taken, boxes of
            frames not in the split are left out.
        frames: The split; each frame has an entry, if only an empty one.
        use_camera: Whether the method sees images at test time.
        use_lidar: Whether it sees LiDAR.
        use_map: Whether it uses the map.

    Raises:
        InputError: A box has an unknown class or attribute, or a broken number.
    """
    check_boxes(boxes)
    meta = {
        "use_camera": use_camera,
        "use_lidar": use_lidar,
        "use_radar": False,
        "use_map": use_map,
        "use_external": False,
    }
    by_frame = _by_frame(submitted(keep_best(group_by_frame(boxes, frames))))
    return {"meta": meta, "results": {token: by_frame[token] for token in frames.sample_token}}


def encode(content: dict[str, Any]) -> bytes:
    """A result file's bytes, the same for the same content."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _by_frame(boxes: Boxes3D) -> defaultdict[str, list[dict[str, Any]]]:
    size_wlh_m = np.stack([boxes.width_m, boxes.length_m, boxes.height_m], axis=1)
    columns = {
        "sample_token": boxes.sample_token.tolist(),
        "translation": boxes.center_m.tolist(),
        "size": size_wlh_m.tolist(),
        "rotation": quaternions_wxyz(boxes.yaw_rad).tolist(),
        "velocity": boxes.velocity_mps.tolist(),
        "detection_name": boxes.class_name.tolist(),
        "detection_score": boxes.score.tolist(),
        "attribute_name": boxes.attribute_name.tolist(),
    }
    by_frame: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in zip(*columns.values(), strict=True):
        by_frame[row[0]].append(dict(zip(columns, row, strict=True)))
    return by_frame
