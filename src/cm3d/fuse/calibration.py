"""Making scores of two detectors comparable (paper, appendix A, late fusion).

The paper takes the calibration of Ma et al. (its reference 70) without regard to classes: the score
of a SAM3D proposal becomes sigmoid(logit / tau), and tau is searched over a grid on a val set. So
it is here, with two differences. The labels are those of the labelled part of train, as a method of
few labels has no others. And a temperature is as good as the scores that it makes are probabilities
of being right, not as the fused boxes score afterwards: no metric is asked.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import expit, logit

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.tables import Boxes3D
from cm3d.tables.words import rows_by_word

_MIN_SCORE: Final = 1e-6  # and its mirror image: the logit of 0 and 1 is infinite
_RIGHT_WITHIN_M: Final = 2.0  # of nuScenes' distances the one that counts for velocity and the like


def calibrate(scores: NDArrayFloat, temperature: float) -> NDArrayFloat:
    """Scores (N,) in [0, 1] as sigmoid(logit / temperature): above 1 draws them to 0.5."""
    return np.asarray(expit(_logits(scores) / temperature))


def fit_temperature(
    scores: NDArrayFloat, right: NDArrayBool, candidates: Sequence[float]
) -> tuple[float, dict[float, float]]:
    """The temperature at which scores are most nearly the probability of being right.

    Args:
        scores: (N,) in [0, 1], not calibrated.
        right: (N,) whether each proposal is right, see `are_right`.
        candidates: Temperatures, at least one.

    Returns:
        The best candidate, of equals the first, and by candidate the mean negative log-likelihood
        of what is right and what is not; 0 without proposals.
    """
    against = np.where(right, -1.0, 1.0) * _logits(scores)
    # -log(sigmoid(x)) is log(1 + exp(-x)), which does not overflow.
    costs = {
        temperature: float(np.logaddexp(0.0, against / temperature).sum() / max(1, len(scores)))
        for temperature in candidates
    }
    return min(costs, key=costs.__getitem__), costs


def are_right(proposals: Boxes3D, truth: Boxes3D) -> NDArrayBool:
    """Whether each proposal (N,) has a true box of any class within 2 m, seen from above.

    A true box makes one proposal right: the best score goes first and takes the nearest that is
    left.

    Args:
        proposals: Boxes of some keyframes.
        truth: Boxes of the same keyframes.
    """
    right = np.zeros(len(proposals), dtype=bool)
    tokens = list(dict.fromkeys(proposals.sample_token))
    own_rows = rows_by_word(proposals.sample_token, tokens)
    true_rows = rows_by_word(truth.sample_token, tokens)
    for own, true in zip(own_rows, true_rows, strict=True):
        best_first = own[np.argsort(-proposals.score[own], kind="stable")]
        offset_m = proposals.center_m[best_first, None, :2] - truth.center_m[true, :2]
        distance_m = np.linalg.norm(offset_m, axis=2)
        for row, to_truth_m in zip(best_first, distance_m, strict=True):
            if len(true) and to_truth_m.min() <= _RIGHT_WITHIN_M:
                right[row] = True
                distance_m[:, np.argmin(to_truth_m)] = np.inf
    return right


def _logits(scores: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(logit(np.clip(scores, _MIN_SCORE, 1 - _MIN_SCORE)))
