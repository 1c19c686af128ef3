"""Which predictions overlap which ground truth by enough, and how much that weighs."""

from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from scipy.spatial import KDTree

from cm3d.evaluation.waymo.boxes import Predictions, Truths
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat32, NDArrayInt
from cm3d.geometry.cuboids import Cuboids
from cm3d.geometry.overlap import cuboid_iou
from cm3d.geometry.rows import Rows

# Boxes with a side of no more, or of as much, overlap nothing; nor do those of a tiny union.
_MIN_SIDE_M: Final = 1e-2
_MAX_SIDE_M: Final = 1e6
_MIN_UNION_M3: Final = 1e-6

_WEIGHT_OF_ONE: Final = np.float32(1_000_000)
_MARGIN_M: Final = 1e-3  # the tree rounds
_CHUNK: Final = 1 << 17  # pairs at a time, for memory's sake


@dataclass(frozen=True, eq=False)
class Pairs(Rows):
    """P pairs of one frame and class that may match.

    Args:
        prediction: (P,) rows.
        truth: (P,) rows.
        weight: (P,) IoU in millionths, which matching maximises.
    """

    prediction: NDArrayInt
    truth: NDArrayInt
    weight: NDArrayInt


def overlapping_pairs(predictions: Predictions, truths: Truths, least_iou: NDArrayFloat32) -> Pairs:
    """All pairs of a frame and class whose IoU, in single precision, is at least the class's.

    Args:
        predictions: Of any frames.
        truths: Of any frames.
        least_iou: (C,) by class, at least a half each: so much overlap only boxes whose centres
            lie in one another, since a line through a box's centre halves it.
    """
    prediction, truth = _within_reach(predictions, truths)
    parts = np.arange(_CHUNK, len(prediction), _CHUNK)
    ious = [
        _iou(predictions.boxes[p], truths.boxes[t])
        for p, t in zip(np.split(prediction, parts), np.split(truth, parts), strict=True)
    ]
    iou = np.concatenate(ious)
    found = iou >= least_iou[truths.kind[truth]]
    # rounded as C rounds, halves upwards
    weight = np.floor((iou[found] * _WEIGHT_OF_ONE).astype(np.float64) + 0.5).astype(np.int64)
    return Pairs(prediction[found], truth[found], weight)


def _within_reach(predictions: Predictions, truths: Truths) -> tuple[NDArrayInt, NDArrayInt]:
    """Rows (P,) of both where a prediction's centre may lie in a box of its frame and class."""
    if not len(predictions) or not len(truths):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    reach_m = np.hypot(truths.boxes.length_m, truths.boxes.width_m) / 2 + _MARGIN_M
    kinds = max(predictions.kind.max(), truths.kind.max()) + 1
    apart_m = 2 * reach_m.max()
    places = [
        np.column_stack([rows.boxes.center_m[:, :2], apart_m * (rows.frame * kinds + rows.kind)])
        for rows in (predictions, truths)
    ]
    tree = KDTree(places[0], compact_nodes=False, balanced_tree=False)
    near = tree.query_ball_point(places[1], reach_m, return_sorted=True)
    counts = np.fromiter(map(len, near), dtype=np.int64, count=len(near))
    prediction = np.fromiter(chain.from_iterable(near), dtype=np.int64, count=counts.sum())
    return prediction, np.repeat(np.arange(len(truths)), counts)


def _iou(first: Cuboids, second: Cuboids) -> NDArrayFloat32:
    counts = _is_box(first) & _is_box(second)
    iou = cuboid_iou(first, second)
    volume_m3 = first.size_m.prod(axis=1) + second.size_m.prod(axis=1)
    counts &= volume_m3 / (1 + iou) > _MIN_UNION_M3
    return np.where(counts, iou, 0).astype(np.float32)


def _is_box(boxes: Cuboids) -> NDArrayBool:
    size_m = boxes.size_m
    return np.asarray(((size_m > _MIN_SIDE_M) & (size_m < _MAX_SIDE_M)).all(axis=1))
