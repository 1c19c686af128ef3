"""The labelled boxes."""

import numpy as np

from cm3d.datasets.keyframes import Box
from cm3d.datasets.waymo.components import LIDAR_BOX, OBJECT, TIME, TYPES
from cm3d.datasets.waymo.reading import check_frames, read_rows
from cm3d.datasets.waymo.segments import Segment
from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.tables.rules import MIN_SIDE_M
from cm3d.taxonomy import Taxonomy

_DIFFICULTY = "difficulty_level.detection"
_LEVELS = (0, 1, 2)  # 0, as null: nobody has said

# What the benchmark scores; signs are labelled too.
SCORED = ("VEHICLE", "PEDESTRIAN", "CYCLIST")


def read_boxes(
    segment: Segment, global_SE3_vehicle: dict[int, SE3], taxonomy: Taxonomy
) -> dict[int, list[Box]]:
    """Boxes whose type belongs to a class, global frame, by time of the frame.

    They stand upright there, as tables have them, while Waymo's stand upright in the car's frame:
    on a slope of 5 degrees headings differ by 0.1 degrees at most, centres by nothing.

    Args:
        segment: Which one; none where it has no boxes.
        global_SE3_vehicle: Pose of the car by time of the frame.
        taxonomy: Classes, by Waymo's names of types.

    Raises:
        InputError: The file is malformed, or of other frames.
    """
    if not segment.has_boxes:
        return {}
    numbers = [f"box.{part}.{axis}" for part in ("center", "size") for axis in "xyz"]
    speed = ["speed.x", "speed.y"]
    counts = ["type", "num_lidar_points_in_box", _DIFFICULTY]
    rows = read_rows(segment, LIDAR_BOX, [*numbers, "box.heading", *speed, *counts])
    path = segment.path(LIDAR_BOX)
    check_frames(path, rows[TIME].tolist(), global_SE3_vehicle)
    if unknown := set(rows["type"].tolist()) - TYPES.keys():
        raise InputError(f"{path}: type {min(unknown)} is none of {TYPES}; fetch it again")
    levels = np.nan_to_num(rows[_DIFFICULTY]).astype(int).tolist()
    if unknown := set(levels) - set(_LEVELS):
        raise InputError(
            f"{path}: {_DIFFICULTY} {min(unknown)} is none of {_LEVELS}; fetch it again"
        )
    center_m = np.column_stack([rows[name] for name in numbers[:3]])
    size_m = np.column_stack([rows[name] for name in numbers[3:]])
    numbers_of_box = np.column_stack([center_m, size_m, rows["box.heading"]])
    is_sound = np.isfinite(numbers_of_box).all(axis=1) & (size_m >= MIN_SIDE_M).all(axis=1)
    if not is_sound.all():
        row = int(np.argmin(is_sound))
        raise InputError(
            f"{path}: frame {rows[TIME][row]}: box {rows[OBJECT][row]!r:.80} has numbers that are "
            "not finite, or a side that is not above 0; fetch it again"
        )
    velocity_mps = np.column_stack([rows[name] for name in speed])
    boxes: dict[int, list[Box]] = {}
    for row, time_us in enumerate(rows[TIME].tolist()):
        class_name = taxonomy.category_classes.get(TYPES[int(rows["type"][row])])
        if class_name is None:
            continue
        pose = global_SE3_vehicle[time_us]
        length_m, width_m, height_m = size_m[row].tolist()
        box = Box(
            class_name=class_name,
            instance=str(rows[OBJECT][row]),
            center_m=pose.transform_points(center_m[row : row + 1])[0].tolist(),
            length_m=length_m,
            width_m=width_m,
            height_m=height_m,
            yaw_rad=float(pose.transform_yaw(rows["box.heading"][row : row + 1])[0]),
            velocity_mps=velocity_mps[row].tolist(),
            num_lidar_points=int(rows["num_lidar_points_in_box"][row]),
            difficulty=levels[row],
        )
        boxes.setdefault(time_us, []).append(box)
    return boxes
