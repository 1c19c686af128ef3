"""Which prediction finds which ground truth box, for all frames and classes at once.

The devkit goes through predictions by falling score; each takes the nearest ground truth box
that is still free. Since all ground truth boxes prefer the same predictions, that outcome is the
one stable matching, and deferred acceptance (Gale and Shapley, 1962) finds it in rounds: every
unmatched prediction proposes to its nearest box that has not refused it yet, every box keeps
its best proposer and refuses the others. Few predictions have rivals, so few rounds do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.tables.words import codes, positions

_MARGIN_M = 1e-6  # the tree rounds distances differently


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs (P,) of a prediction and a ground truth box.

    Args:
        prediction: Row of the prediction.
        truth: Row of the ground truth box.
        distance_m: Distance of their centres in xy.
    """

    prediction: NDArrayInt
    truth: NDArrayInt
    distance_m: NDArrayFloat


def candidate_pairs(predictions: Boxes3D, ground_truth: GroundTruth, reach_m: float) -> Candidates:
    """All pairs of a frame and class within reach, and perhaps some just beyond; in no order."""
    position = _separated(Boxes3D.concatenate([predictions, ground_truth]), reach_m)
    first, second = KDTree(position[: len(predictions)]), KDTree(position[len(predictions) :])
    near = first.sparse_distance_matrix(second, reach_m + _MARGIN_M, output_type="ndarray")
    prediction, truth = near["i"].astype(np.int64), near["j"].astype(np.int64)
    offset_m = predictions.center_m[prediction, :2] - ground_truth.center_m[truth, :2]
    return Candidates(prediction, truth, norms(offset_m))


def norms(vectors: NDArrayFloat) -> NDArrayFloat:
    """Lengths (N,) of vectors (N, 2), to the last bit those of `np.linalg.norm` one by one.

    The matrix product rounds as the dot product in there does (with fused multiply-add, where
    the processor has it), sums of squares do not; the last bit decides ties.
    """
    return np.asarray(np.sqrt(vectors[:, None, :] @ vectors[:, :, None])[:, 0, 0])


@dataclass(frozen=True, eq=False)
class Matching:
    """Outcome of matching a split.

    Args:
        best_first: (N,) rows of the predictions by falling score, of equal scores the later first.
        truth_row: By distance in metres: (N,) the ground truth box that each of `best_first`
            found nearer than that; -1 where none.
    """

    best_first: NDArrayInt
    truth_row: dict[float, NDArrayInt]


def match_boxes(
    predictions: Boxes3D, ground_truth: GroundTruth, distances_m: Sequence[float]
) -> Matching:
    """Match boxes that count (`detection.countable_boxes`), each frame and class by itself.

    Args:
        predictions: Grouped by frame, for their order decides among equal scores.
        ground_truth: Of boxes equally near, the earlier is taken.
        distances_m: A match is nearer than this, in xy.
    """
    best_first = np.argsort(predictions.score, kind="stable")[::-1]
    pairs = candidate_pairs(predictions, ground_truth, max(distances_m))
    rank, truth, distance_m = _by_rank(pairs, best_first)
    start, matched = np.searchsorted(rank, np.arange(len(best_first))), {}
    for limit_m in distances_m:
        count = np.bincount(rank[distance_m < limit_m], minlength=len(best_first))
        matched[limit_m] = _accept(truth, start, count, len(ground_truth))
    return Matching(best_first, matched)


def _by_rank(
    pairs: Candidates, best_first: NDArrayInt
) -> tuple[NDArrayInt, NDArrayInt, NDArrayFloat]:
    """Ranks, truth rows and distances of pairs, best prediction first, its nearest truth first."""
    rank_of = np.empty_like(best_first)
    rank_of[best_first] = np.arange(len(best_first))
    rank = rank_of[pairs.prediction]
    order = np.lexsort((pairs.truth, pairs.distance_m, rank))
    return rank[order], pairs.truth[order], pairs.distance_m[order]


def _accept(
    wanted: NDArrayInt, start: NDArrayInt, count: NDArrayInt, truth_count: int
) -> NDArrayInt:
    """Truth row (N,) by rank, or -1; rank r wants `wanted[start[r]:start[r] + count[r]]`."""
    nobody = len(start)
    keeper = np.full(truth_count, nobody)
    cursor, stop = start.copy(), start + count
    free = np.flatnonzero(cursor < stop)
    while len(free):
        target = wanted[cursor[free]]
        before = keeper[target]
        np.minimum.at(keeper, target, free)
        ousted = before[(before < nobody) & (keeper[target] < before)]
        refused = np.concatenate([free[keeper[target] < free], np.unique(ousted)])
        cursor[refused] += 1
        free = refused[cursor[refused] < stop[refused]]
    found = np.full(nobody, -1)
    kept = np.flatnonzero(keeper < nobody)
    found[keeper[kept]] = kept
    return found


def _separated(boxes: Boxes3D, reach_m: float) -> NDArrayFloat:
    """Positions (N, 3): x, y, and a height that keeps frames and classes out of reach."""
    class_index = codes(boxes.class_name)
    group = codes(boxes.sample_token) * (class_index.max(initial=0) + 1) + class_index
    return np.column_stack([boxes.center_m[:, :2], 10 * reach_m * group])


def match_errors(
    predictions: Boxes3D,
    ground_truth: GroundTruth,
    rows: NDArrayInt,
    truth_rows: NDArrayInt,
    symmetric: Sequence[str],
) -> dict[str, NDArrayFloat]:
    """Errors (K,) by name of the K pairs that are given by their rows (K,) in both tables.

    ATE (m) in xy, ASE (1 - IoU of the boxes laid into each other), AOE (rad; half a turn is none
    for a `symmetric` class), AVE (m/s), AAE (1 where the attribute is wrong); NaN where the ground
    truth knows no velocity or attribute.
    """
    difference_rad = ground_truth.yaw_rad[truth_rows] - predictions.yaw_rad[rows]
    half_turn_rad = wrap_angle(difference_rad, np.pi)
    turnable = positions(ground_truth.class_name[truth_rows], symmetric) >= 0
    attribute = ground_truth.attribute_name[truth_rows]
    wrong = attribute != predictions.attribute_name[rows]
    return {
        "ATE": norms(predictions.center_m[rows, :2] - ground_truth.center_m[truth_rows, :2]),
        "ASE": 1 - _aligned_iou(_sizes_m(predictions)[rows], _sizes_m(ground_truth)[truth_rows]),
        "AOE": np.abs(np.where(turnable, half_turn_rad, wrap_angle(difference_rad))),
        "AVE": norms(predictions.velocity_mps[rows] - ground_truth.velocity_mps[truth_rows]),
        "AAE": np.where(attribute == "", np.nan, wrong),
    }


def _sizes_m(boxes: Boxes3D) -> NDArrayFloat:
    return np.stack([boxes.width_m, boxes.length_m, boxes.height_m], axis=1)


def _aligned_iou(size_m: NDArrayFloat, true_size_m: NDArrayFloat) -> NDArrayFloat:
    shared = np.minimum(size_m, true_size_m).prod(axis=1)
    return np.asarray(shared / (size_m.prod(axis=1) + true_size_m.prod(axis=1) - shared))
