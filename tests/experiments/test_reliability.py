import numpy as np
import pytest
from scipy.special import expit, logit

from experiments.reliability import fit


def test_slope_and_offset_are_found_again() -> None:
    """Labels are right as often as sigmoid(1.5 logit + 0.5) says."""
    random = np.random.default_rng(0)
    score = random.uniform(0.05, 0.95, 20000)
    right = random.random(len(score)) < expit(1.5 * logit(score) + 0.5)
    slope, offset = fit(score, right)
    assert (slope, offset) == pytest.approx((1.5, 0.5), abs=0.1)
