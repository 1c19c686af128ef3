"""The devkit's curves over recall, and the two figures that are read off them.

`nuscenes.eval.detection.algo` defines them: 101 points, running means of errors resampled by
confidence, the first 11 points left out.
"""

from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat

RECALL: Final = np.linspace(0, 1, 101)
_FIRST_POINT: Final = 11  # recall above 0.1
_MIN_PRECISION: Final = 0.1


def precision_curve(hit: NDArrayBool, positives: float, weight: NDArrayFloat) -> NDArrayFloat:
    """Precision (101,) over `RECALL`; 0 beyond the recall that is reached.

    Args:
        hit: (N,) whether each prediction is a match, best score first.
        positives: Weight of all ground truth boxes.
        weight: (N,) how often each prediction counts.
    """
    hit, weight = hit[weight > 0], weight[weight > 0]
    if positives == 0 or not hit.any():
        return np.zeros_like(RECALL)
    found, seen = np.cumsum(weight * hit), np.cumsum(weight)
    return np.interp(RECALL, found / positives, found / seen, right=0)


def confidence_curve(hit: NDArrayBool, positives: int, score: NDArrayFloat) -> NDArrayFloat:
    """Score (101,) at which each recall is reached; 0 where none does. `hit` must not be empty."""
    return np.interp(RECALL, np.cumsum(hit) / float(positives), score, right=0)


def error_curve(error: NDArrayFloat, score: NDArrayFloat, confidence: NDArrayFloat) -> NDArrayFloat:
    """Mean error (101,) of the matches that score at least `confidence`.

    Args:
        error: (K,) of the matches, best score first; NaN where it has no meaning.
        score: (K,) of the matches.
        confidence: (101,) `confidence_curve`.
    """
    known = ~np.isnan(error)
    if not known.any():
        return np.ones_like(RECALL)
    count = np.cumsum(known)
    mean = np.cumsum(np.where(known, error, 0.0)) / np.maximum(count, 1)
    return np.interp(confidence[::-1], score[::-1], mean[::-1])[::-1]


def average_precision(precision: NDArrayFloat) -> float:
    """Mean precision above the least recall and precision that count, rescaled to [0, 1]."""
    above = np.clip(precision[_FIRST_POINT:] - _MIN_PRECISION, 0, None)
    return float(above.mean()) / (1 - _MIN_PRECISION)


def mean_error(curve: NDArrayFloat, confidence: NDArrayFloat) -> float:
    """Mean of an error curve up to the recall that is reached; 1 where that is too low."""
    reached = np.flatnonzero(confidence)
    last = int(reached[-1]) if len(reached) else 0
    return 1.0 if last < _FIRST_POINT else float(curve[_FIRST_POINT : last + 1].mean())
