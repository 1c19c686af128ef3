"""Making scores of two detectors comparable (paper, appendix A)."""

import numpy as np
from scipy.special import expit, logit

from cm3d.geometry.arrays import NDArrayFloat

_MIN_SCORE = 1e-6  # and its mirror image: the logit of 0 and 1 is infinite


def calibrate(scores: NDArrayFloat, temperature: float) -> NDArrayFloat:
    """Scores (N,) in [0, 1] as sigmoid(logit / temperature): above 1 draws them to 0.5.

    The temperature is a given number. The paper searched it on labels; nothing here reads any.
    """
    clipped = np.clip(scores, _MIN_SCORE, 1 - _MIN_SCORE)
    return np.asarray(expit(logit(clipped) / temperature))
