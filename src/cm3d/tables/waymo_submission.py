"""Our boxes as Waymo's files have them: in the vehicle's frame, drives and times for frames."""

from collections.abc import Mapping

import numpy as np

from cm3d.errors import InputError
from cm3d.tables.boxes import Boxes3D, GroundTruth
from cm3d.tables.index import Frames
from cm3d.tables.vehicle_frame import in_vehicle_frame
from cm3d.tables.waymo_objects import TYPES, WaymoObjects
from cm3d.tables.words import positions, rows_by_word


def waymo_types(category_classes: Mapping[str, str]) -> dict[str, int]:
    """Number of the type by class, of a taxonomy's `category_classes`."""
    return {name: TYPES[word] for word, name in category_classes.items() if word in TYPES}


def objects_of(boxes: Boxes3D, frames: Frames, types: Mapping[str, int]) -> WaymoObjects:
    """Predictions, or ground truth with its ids, points and annotated levels.

    Args:
        boxes: Boxes of any frames, global frame.
        frames: Whose boxes are taken, in this order; scenes are drives.
        types: Number of the type by class.

    Raises:
        InputError: A class has no type; or a box of ground truth has points that nobody counted.
    """
    boxes = boxes[np.concatenate(rows_by_word(boxes.sample_token, frames.sample_token.tolist()))]
    row = positions(boxes.sample_token, frames.sample_token)
    kind = positions(boxes.class_name, types)
    if (kind < 0).any():
        name = boxes.class_name[np.argmin(kind)]
        raise InputError(f"class {name!r}: Waymo has no such type; use taxonomies/waymo.yaml")
    truth = boxes if isinstance(boxes, GroundTruth) else None
    points = np.zeros(len(boxes)) if truth is None else truth.num_lidar_points
    if (points < 0).any():
        token = boxes.sample_token[np.argmin(points)]
        raise InputError(
            f"ground truth of frame {token}: a box has an unknown number of LiDAR points, which "
            "Waymo's format cannot say; count them"
        )
    shapes, count = in_vehicle_frame(boxes, frames), len(boxes)
    return WaymoObjects.from_columns(
        context_name=frames.scene_name[row],
        timestamp_us=frames.timestamp_us[row],
        camera=np.zeros(count),
        type=np.array([*types.values(), 0])[kind],
        object_id=[""] * count if truth is None else truth.instance_token,
        score=boxes.score.astype(np.float32),
        overlaps_nlz=np.zeros(count, dtype=bool),
        difficulty=np.zeros(count) if truth is None else truth.difficulty,
        num_lidar_points=points,
        center_m=shapes.center_m,
        length_m=shapes.length_m,
        width_m=shapes.width_m,
        height_m=shapes.height_m,
        yaw_rad=shapes.yaw_rad,
    )
