"""Curves of precision over recall, and the area below them, in Waymo's single precision."""

from itertools import pairwise
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat32, NDArrayInt

_STEP: Final = np.float32(0.05)
_TOLERANCE: Final = np.float32(1e-6)
_HALF: Final = np.float64(0.5)


def precision(
    good: NDArrayInt | NDArrayFloat32, found: NDArrayInt, false: NDArrayInt, recall: NDArrayFloat32
) -> NDArrayFloat32:
    """Precision (...): 0 where there is no prediction, but 1 where nothing is found.

    Args:
        good: (...) how many are found, or the sum of what they are worth.
        found: (...) how many are found.
        false: (...) how many predictions find nothing.
        recall: (...) recall.
    """
    share = _quotient(good.astype(np.float32), found + false)
    return np.where(recall == 0, np.float32(1), share)


def recall(found: NDArrayInt, missed: NDArrayInt) -> NDArrayFloat32:
    """Recall (...); 0 where there is nothing to be found."""
    return _quotient(found.astype(np.float32), found + missed)


def average_precision(precisions: NDArrayFloat32, recalls: NDArrayFloat32) -> float:
    """Area below the curve that points (P,) make up; 0 from the largest recall to 1.

    From right to left, a point's precision is the best so far. Where two recalls are more than
    0.05 apart, points are put between them, with the precision of the right one. The precision at
    recall 0 is made up, so the one beside it is taken instead.
    """
    levels, index = np.unique(np.append(np.float32(0), recalls), return_inverse=True)
    best = np.zeros(len(levels), dtype=np.float32)
    np.maximum.at(best, index, np.append(np.float32(1), precisions))
    curve: list[tuple[np.float32, np.float32]] = []
    highest, reached = np.float32(0), np.float32(0)
    for level, value in zip(levels[::-1], best[::-1], strict=True):
        while reached - level > _STEP + _TOLERANCE:
            reached -= _STEP
            curve.append((highest, reached))
        highest, reached = max(value, highest), level
        curve.append((highest, reached))
    if len(curve) > 1:
        curve[-1] = (curve[-2][0], curve[-1][1])
    area = np.float32(0)
    for (p_right, r_right), (p_left, r_left) in pairwise(curve):
        # products are double, the sum is rounded after each
        area = np.float32(area + _HALF * (r_right - r_left) * (p_right + p_left))
    return float(area)


def _quotient(part: NDArrayFloat32, whole: NDArrayInt) -> NDArrayFloat32:
    empty = np.zeros(np.broadcast_shapes(part.shape, whole.shape), dtype=np.float32)
    return np.divide(part, whole.astype(np.float32), out=empty, where=whole > 0)
