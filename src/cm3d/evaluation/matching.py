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

from cm3d.evaluation.candidates import Candidates, candidate_pairs
from cm3d.tables import Boxes3D, GroundTruth, NDArrayFloat, NDArrayInt


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
