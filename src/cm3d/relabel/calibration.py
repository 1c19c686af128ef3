"""A model's scores made probabilities of being right, by class and range.

What is right is known in the labelled frames alone. These the model has been trained on, so there
it looks better than it is (`labelled`). The labels that there were are an unbiased judge in all
other frames: their scores are probabilities, made without truth of these frames (`agreement`).
"""

from typing import Final

import numpy as np
from scipy.special import expit

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.lift.calibration import logits
from cm3d.relabel.matching import match_surest_first
from cm3d.tables import Boxes3D

# Penalties on the squared deviation of slope and offset from what all classes say together: one
# over twice the variances, for standard deviations of 0.5 and 1.
_PENALTY: Final = np.array([2.0, 0.5])
_STEPS: Final = 50
_LONGEST_STEP: Final = 1.0
_PRIOR_OBJECTS: Final = 5.0  # that the recall of a class starts from
_RECALLS: Final = (0.2, 0.95)  # no recall is less or more, however few objects say so


def found_shares(
    found: NDArrayBool, weight: NDArrayFloat, classes: NDArrayInt, count: int
) -> NDArrayFloat:
    """Share (C,) of the objects of each class that were found, their recall.

    A few objects found as often as those of all classes are added to each class, so that one of
    few objects, or of none, leans on the others. No share is below 0.2 or above 0.95.

    Args:
        found: (N,) of each object whether it was found.
        weight: (N,) how much of an object each is, as its probability.
        classes: (N,) class index.
        count: C.
    """
    total = np.bincount(classes, weight, count)
    hits = np.bincount(classes, weight * found, count)
    pooled = hits.sum() / total.sum() if total.any() else 1.0
    share = (hits + _PRIOR_OBJECTS * pooled) / (total + _PRIOR_OBJECTS)
    return np.asarray(np.clip(share, *_RECALLS))


def agreement(new: Boxes3D, old: Boxes3D, recall: NDArrayFloat, reach_m: float) -> NDArrayFloat:
    """How right boxes (N,) of a model are on average, judged by labels that miss some objects.

    A box is as right as the label that it matches is probable, and not at all where it matches
    none. As this overlooks what the labels miss, it is divided by their recall. The quotient may
    exceed 1, for one box; cut there it would be too low on average.

    Args:
        new: N boxes.
        old: Labels of the same frames, whose scores are probabilities.
        recall: (N,) of the labels of each box's class.
        reach_m: Of a match, see `match_surest_first`.
    """
    found = match_surest_first(new, old, reach_m)
    return np.append(old.score, 0.0)[found] / recall  # the last one, of -1, where none is found


def fit_curves(
    score: NDArrayFloat, target: NDArrayFloat, group: NDArrayInt, groups: int, prior: NDArrayFloat
) -> NDArrayFloat:
    """Slope and offset of probability = sigmoid(slope * logit(score) + offset), by group.

    Each maximises the likelihood of its targets, less a penalty on the deviation from a prior, to
    which a group without boxes falls back. Slopes are never negative: a higher score is never a
    lower probability.

    Args:
        score: (N,) in [0, 1].
        target: (N,) how right each is: 0 or 1, or a figure that is so on average.
        group: (N,) number of the curve that each belongs to.
        groups: G, their number.
        prior: (2,) or (G, 2) slope and offset.

    Returns:
        (G, 2) slopes and offsets.
    """
    start = np.broadcast_to(prior, (groups, 2))
    curve, x = start.copy(), logits(score)
    for _ in range(_STEPS):
        chance = expit(curve[group, 0] * x + curve[group, 1])
        miss, spread = chance - target, chance * (1 - chance)
        gradient = np.stack([_sums(miss * x, group, groups), _sums(miss, group, groups)], axis=1)
        gradient += 2 * _PENALTY * (curve - start)
        held = (curve[:, 0] <= 0) & (gradient[:, 0] > 0)  # at the bound, and drawn beyond it
        gradient[held, 0] = 0.0
        xx, cross, one = (_sums(spread * v, group, groups) for v in (x * x, x, np.ones_like(x)))
        cross = np.where(held, 0.0, cross)
        hessian = np.stack([xx, cross, cross, one], axis=1).reshape(-1, 2, 2)
        step = np.linalg.solve(hessian + np.diag(2 * _PENALTY), gradient[..., None])[..., 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        curve = curve - step * np.minimum(1.0, _LONGEST_STEP / np.maximum(length, 1e-12))
        curve[:, 0] = np.maximum(curve[:, 0], 0.0)
    return curve


def curves_by_class(
    score: NDArrayFloat, target: NDArrayFloat, classes: NDArrayInt, far: NDArrayInt, count: int
) -> NDArrayFloat:
    """Curves (C, 2, 2) of `count` classes, near and far.

    A curve leans on that of all classes in its range, which leans on that of all boxes.

    Args:
        score: (N,) in [0, 1].
        target: (N,) how right each is: 0 or 1, or a figure that is so on average.
        classes: (N,) class index.
        far: (N,) 0 near, 1 far.
        count: C.
    """
    everything = fit_curves(score, target, np.zeros_like(far), 1, np.array([1.0, 0.0]))
    by_range = fit_curves(score, target, far, 2, everything)
    prior = np.tile(by_range, (count, 1))
    return fit_curves(score, target, classes * 2 + far, 2 * count, prior).reshape(count, 2, 2)


def probabilities(
    score: NDArrayFloat, classes: NDArrayInt, far: NDArrayInt, curves: NDArrayFloat
) -> NDArrayFloat:
    """Scores (N,) by the curves (C, 2, 2) of their classes (N,) and ranges (N,)."""
    slope, offset = curves[classes, far].T
    return np.asarray(expit(slope * logits(score) + offset))


def _sums(values: NDArrayFloat, group: NDArrayInt, groups: int) -> NDArrayFloat:
    return np.asarray(np.bincount(group, values, groups), dtype=np.float64)
