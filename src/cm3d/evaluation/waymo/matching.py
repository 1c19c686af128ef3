"""Which prediction finds which ground truth box, at every cutoff of the score.

At each cutoff anew, the predictions that reach it and the boxes are matched so that the overlaps
add up to the most (the assignment problem). Solving a hundred of those per frame is not needed:

- Pairs that share nothing are apart: each connected component is a problem of its own.
- Where each prediction overlaps one box alone (so do all, unless boxes of one class overlap each
  other), the best one that reaches the cutoff has the box; of equally good ones the first, as in
  Waymo's tool.
- In other components, the assignment changes only after cutoffs that one of the scores is last at.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cm3d.evaluation.waymo.overlap import Pairs
from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class Matches(Rows):
    """M pairs that match from one cutoff to another, both included.

    Args:
        prediction: (M,) rows.
        truth: (M,) rows.
        first: (M,) the first cutoff.
        last: (M,) the last one.
    """

    prediction: NDArrayInt
    truth: NDArrayInt
    first: NDArrayInt
    last: NDArrayInt


def match(pairs: Pairs, last: NDArrayInt) -> Matches:
    """Match at all cutoffs.

    Args:
        pairs: Pairs that may match.
        last: By prediction, the last cutoff that it takes part at; -1 for none.
    """
    pairs = pairs[last[pairs.prediction] >= 0]
    if not len(pairs):
        return _match_single(pairs, last)
    component, is_tangled = _components(pairs)
    tangled = is_tangled[component]
    order = np.argsort(component[tangled], kind="stable")
    bounds = np.flatnonzero(np.diff(component[tangled][order])) + 1
    groups = np.split(np.flatnonzero(tangled)[order], bounds) if tangled.any() else []
    solved = [_match_component(pairs[rows], last) for rows in groups]
    return Matches.concatenate([_match_single(pairs[~tangled], last), *solved])


def _components(pairs: Pairs) -> tuple[NDArrayInt, NDArrayBool]:
    """Component (P,) of each pair, and whether in a component (K,) a prediction has two boxes."""
    predictions, prediction = np.unique(pairs.prediction, return_inverse=True)
    truths, truth = np.unique(pairs.truth, return_inverse=True)
    nodes = len(predictions) + len(truths)
    edges = (np.ones(len(pairs)), (prediction, len(predictions) + truth))
    count, labels = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)
    is_tangled = np.zeros(count, dtype=bool)
    is_tangled[labels[np.flatnonzero(np.bincount(prediction) > 1)]] = True
    return labels[prediction].astype(np.int64), is_tangled


def _match_single(pairs: Pairs, last: NDArrayInt) -> Matches:
    """Where each prediction has one box: going down the cutoffs, a better overlap takes over."""
    until = last[pairs.prediction]
    order = np.lexsort((pairs.prediction, -pairs.weight, -until, pairs.truth))
    pairs, until = pairs[order], until[order]
    # better ones of a later box rank above all of an earlier one: one running maximum serves all
    rank = np.empty_like(order)
    rank[np.lexsort((-pairs.prediction, pairs.weight, pairs.truth))] = np.arange(len(order))
    takes_over = rank == np.maximum.accumulate(rank)
    pairs, until = pairs[takes_over], until[takes_over]
    goes_on = np.diff(pairs.truth, append=-1) == 0
    first = np.where(goes_on, np.append(until[1:], -1) + 1, 0)[: len(until)]
    return Matches(pairs.prediction, pairs.truth, first, until)


def _match_component(pairs: Pairs, last: NDArrayInt) -> Matches:
    predictions, row = np.unique(pairs.prediction, return_inverse=True)
    truths, column = np.unique(pairs.truth, return_inverse=True)
    weight = np.zeros((len(predictions), len(truths)), dtype=np.int64)
    weight[row, column] = pairs.weight
    until = last[predictions]
    stops = np.unique(until)
    found = []
    for first, stop in zip(np.append(-1, stops[:-1]) + 1, stops, strict=True):
        there = np.flatnonzero(until >= stop)
        chosen, box = linear_sum_assignment(weight[there], maximize=True)
        counts = weight[there[chosen], box] > 0
        chosen, box = there[chosen[counts]], box[counts]
        span = (np.full(len(box), first), np.full(len(box), stop))
        found.append(Matches(predictions[chosen], truths[box], *span))
    return Matches.concatenate(found)
