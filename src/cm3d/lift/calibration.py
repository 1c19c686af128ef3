"""Scores as probabilities of being right, so that they compare with those of other detectors."""

import numpy as np
from scipy.special import expit, logit

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.params.lifting import Calibration

_LEAST = 1e-6  # the logit of 0 and 1 is infinite


def logits(score: NDArrayFloat) -> NDArrayFloat:
    """Finite logits (N,) of scores in [0, 1]."""
    return np.asarray(logit(np.clip(score, _LEAST, 1 - _LEAST)))


def probability(score: NDArrayFloat, calibration: Calibration) -> NDArrayFloat:
    """Scores (N,) as sigmoid(slope * logit + offset); their order stays.

    Args:
        score: In [0, 1].
        calibration: Section `lift.calibration`.
    """
    return np.asarray(expit(calibration.slope * logits(score) + calibration.offset))
