"""Boxes of one source against those of another, keyframe by keyframe and class by class."""

import numpy as np

from cm3d.fuse.late_fusion import greedy_match
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.tables import Boxes3D
from cm3d.tables.words import codes, rows_by_word


def best_first(boxes: Boxes3D) -> NDArrayInt:
    """An order (N,) by falling score that depends on the boxes alone, not on how they lie."""
    classes = np.unique(boxes.class_name.astype(str), return_inverse=True)[1]
    of_box = (*boxes.cuboids.size_m.T, boxes.yaw_rad, *boxes.center_m.T)
    return np.asarray(np.lexsort((*of_box, classes, -boxes.score)))


def match_surest_first(boxes: Boxes3D, others: Boxes3D, reach_m: float) -> NDArrayInt:
    """The other box that each box has found.

    In each keyframe the surest box goes first and takes the nearest one of its class, seen from
    above, that is left and within reach, as nuScenes' metrics do.

    Args:
        boxes: N boxes.
        others: M boxes of the same keyframes.
        reach_m: Largest distance of two centres, seen from above.

    Returns:
        (N,) rows of `others`, -1 without one.
    """
    found = np.full(len(boxes), -1)
    order = best_first(boxes)
    ordered = boxes[order]
    tokens = list(dict.fromkeys(ordered.sample_token))
    own_rows = rows_by_word(ordered.sample_token, tokens)
    other_rows = rows_by_word(others.sample_token, tokens)
    for own, other in zip(own_rows, other_rows, strict=True):
        near = nearness(ordered[own], others[other], reach_m)
        # whole numbers order the boxes, fractions below a half what each may take
        turn = np.arange(len(own), 0, -1)[:, None]
        rows, columns = greedy_match(np.where(near > 0, turn + near / 2, 0.0), 0.0)
        found[order[own[rows]]] = other[columns]
    return found


def nearness(boxes: Boxes3D, others: Boxes3D, reach_m: float) -> NDArrayFloat:
    """How near boxes (N,) and others (M,) of one keyframe and one class are.

    Returns:
        (N, M): 1 at one place, falling to a little above 0 at `reach_m`, seen from above; 0
        beyond it and of different classes.
    """
    distance_m = distances_m(boxes, others)
    near = (distance_m <= reach_m) & same_class(boxes, others)
    return np.where(near, 1 - distance_m / (reach_m * (1 + 1e-9)), 0.0)


def distances_m(boxes: Boxes3D, others: Boxes3D) -> NDArrayFloat:
    """Distances (N, M) of centres seen from above."""
    offset_m = boxes.center_m[:, None, :2] - others.center_m[None, :, :2]
    return np.asarray(np.hypot(offset_m[..., 0], offset_m[..., 1]))


def same_class(boxes: Boxes3D, others: Boxes3D) -> NDArrayBool:
    """Whether each of N boxes and each of M others are of one class, (N, M)."""
    class_codes = codes(np.concatenate([boxes.class_name, others.class_name]))
    return np.asarray(class_codes[: len(boxes), None] == class_codes[None, len(boxes) :])
