import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.fuse.calibration import calibrate

SCORES = st.floats(0.001, 0.999)


def test_temperature_of_2_takes_the_root_of_the_odds() -> None:
    # Odds 0.9 / 0.1 = 9, their root 3, which is a score of 3 / 4; and the mirror image.
    calibrated = calibrate(np.array([0.9, 0.1, 0.5]), 2.0)
    assert calibrated == pytest.approx(np.array([0.75, 0.25, 0.5]))


def test_certain_scores_stay_finite() -> None:
    calibrated = calibrate(np.array([0.0, 1.0]), 2.0)
    assert calibrated == pytest.approx(np.array([0.001, 0.999]), rel=1e-3)


@given(SCORES, SCORES, st.floats(0.1, 10))
def test_order_stays(first: float, second: float, temperature: float) -> None:
    low, high = calibrate(np.array(sorted((first, second))), temperature)
    assert low <= high


@given(SCORES)
def test_temperature_of_1_changes_nothing(score: float) -> None:
    assert calibrate(np.array([score]), 1.0)[0] == pytest.approx(score)
