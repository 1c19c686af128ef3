"""The kinds of failure of the paper's Figure 4, counted: what is wrong with each box and object."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from scipy.spatial import KDTree

from cm3d.evaluation.nuscenes.judging import ERRORS, Judged
from cm3d.evaluation.nuscenes.rules import ERROR_DISTANCE_M
from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import points_in_own_boxes
from cm3d.tables.words import codes

# What may be wrong with an object, the first that holds; `right` is none.
OF_OBJECTS: Final = (
    "right",
    "wrong axis",
    "reversed",
    "wrong size",
    "wrong class",
    "misplaced",
    "missed in 2D",
    "too few points",
    "missed",
)
# What may be wrong with a box that found nothing, the first that holds; `counted` ones are those
# that an object's kind tells of.
OF_BOXES: Final = ("counted", "duplicate", "phantom")
FAILURES: Final = (*OF_OBJECTS[1:], *OF_BOXES[1:])

EXPLAINED: Final[Mapping[str, str]] = {
    "wrong axis": "found, the axis more than 30 degrees off",
    "reversed": "found, the axis right, front and back exchanged",
    "wrong size": "found and turned right, the true box laid into it overlaps by less than half",
    "wrong class": "a box of another class within 2 m",
    "misplaced": "a box of the class 2 to 4 m away",
    "missed in 2D": "nothing near, and no detection on an image overlaps it by 0.3",
    "too few points": "nothing near, seen in 2D, fewer than 5 LiDAR points",
    "missed": "nothing near, although seen in 2D with 5 points or more",
    "duplicate": "a box too many on an object that has one",
    "phantom": "a box where nothing is",
}

AXIS_LIMIT_RAD: Final = np.deg2rad(30)
SIZE_LIMIT: Final = 0.5
FEW_POINTS: Final = 5
_MISPLACED_M: Final = 4.0
_LONGEST_HALF_M: Final = 15.0


def kinds(judged: Judged, seen_in_2d: NDArrayBool | None) -> tuple[NDArrayInt, NDArrayInt]:
    """What is wrong with each object (M,) of `OF_OBJECTS`, and each box (N,) of `OF_BOXES`.

    Args:
        judged: Boxes that count as said, see `at_best_scores`.
        seen_in_2d: (M,) whether a detection on an image shows the object; None where that is not
            known, so that none is called `missed in 2D`.
    """
    boxes, truth = judged.boxes, judged.truth
    box, object_, distance_m, inside = _near_pairs(judged)
    same = boxes.class_name[box] == truth.class_name[object_]
    near = (distance_m < ERROR_DISTANCE_M) | inside
    free_box, free_object = ~judged.right[box], ~judged.found[object_]
    other_class = free_box & free_object & ~same & near
    displaced = free_box & free_object & same & (distance_m < _MISPLACED_M)
    again = free_box & ~free_object & near

    seen = np.ones(len(truth), dtype=bool) if seen_in_2d is None else seen_in_2d
    points = truth.num_lidar_points
    of_object = {
        "wrong class": _any(object_[other_class], len(truth)),
        "misplaced": _any(object_[displaced], len(truth)),
        "missed in 2D": ~seen,
        "too few points": (points >= 0) & (points < FEW_POINTS),
        "missed": np.ones(len(truth), dtype=bool),
    }
    missed_kind = np.select(
        list(of_object.values()), [OF_OBJECTS.index(name) for name in of_object]
    )
    of_box = {
        "counted": judged.right
        | _any(box[other_class], len(boxes))
        | _any(box[displaced], len(boxes)),
        "duplicate": _any(box[again], len(boxes)),
    }
    box_kind = np.select(
        list(of_box.values()),
        [OF_BOXES.index(name) for name in of_box],
        OF_BOXES.index("phantom"),
    )
    return np.where(judged.found, _kinds_of_found(judged), missed_kind), box_kind


def counted(object_kinds: NDArrayInt, box_kinds: NDArrayInt) -> dict[str, int]:
    """How many objects are right, and how many failures of each kind there are."""
    of_objects = np.bincount(object_kinds, minlength=len(OF_OBJECTS))
    of_boxes = np.bincount(box_kinds, minlength=len(OF_BOXES))
    return {
        **{name: int(of_objects[index]) for index, name in enumerate(OF_OBJECTS)},
        **{name: int(of_boxes[index]) for index, name in enumerate(OF_BOXES) if index},
    }


def _kinds_of_found(judged: Judged) -> NDArrayInt:
    """What is wrong (M,) with the boxes of objects that were found; of others it means nothing."""
    turn_rad = judged.errors[:, ERRORS.index("AOE")]
    with np.errstate(invalid="ignore"):  # of classes whose heading means nothing it is NaN
        off_axis = np.abs(wrap_angle(turn_rad, np.pi)) > AXIS_LIMIT_RAD
        off_front = np.abs(turn_rad) > np.pi / 2
        off_size = judged.errors[:, ERRORS.index("ASE")] > 1 - SIZE_LIMIT
    return np.select(
        [off_axis, off_front, off_size],
        [OF_OBJECTS.index(name) for name in ("wrong axis", "reversed", "wrong size")],
        OF_OBJECTS.index("right"),
    )


def _near_pairs(judged: Judged) -> tuple[NDArrayInt, NDArrayInt, NDArrayFloat, NDArrayBool]:
    """Box, object, distance, and whether the box's middle is in the object, of near pairs (P,)."""
    boxes, truth = judged.boxes, judged.truth
    frame = codes(np.concatenate([boxes.sample_token, truth.sample_token]))
    apart_m = 10 * _LONGEST_HALF_M
    first = np.column_stack([boxes.center_m[:, :2], apart_m * frame[: len(boxes)]])
    second = np.column_stack([truth.center_m[:, :2], apart_m * frame[len(boxes) :]])
    found = KDTree(first).sparse_distance_matrix(
        KDTree(second), _LONGEST_HALF_M, output_type="ndarray"
    )
    box, object_ = found["i"].astype(np.int64), found["j"].astype(np.int64)
    places_m = boxes.center_m[box].copy()
    places_m[:, 2] = truth.center_m[object_, 2]
    inside = points_in_own_boxes(places_m, truth.cuboids[object_])
    return box, object_, np.asarray(found["v"]), inside


def _any(rows: NDArrayInt, count: int) -> NDArrayBool:
    mask = np.zeros(count, dtype=bool)
    mask[rows] = True
    return mask
