import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.lift.calibration import logits, probability
from cm3d.params.lifting import Calibration


def test_by_hand() -> None:
    score = np.array([0.5, 0.8, 0.2])  # odds of 1, 4 and 1 / 4
    same = Calibration(slope=1.0, offset=0.0)
    assert probability(score, same) == pytest.approx(score)
    # Odds to the power of 2, times 3: 3, 48 and 3 / 16.
    changed = Calibration(slope=2.0, offset=np.log(3))
    assert probability(score, changed) == pytest.approx([3 / 4, 48 / 49, 3 / 19])


def test_certain_scores_have_finite_logits() -> None:
    assert np.isfinite(logits(np.array([0.0, 1.0]))).all()
    assert logits(np.array([0.5])) == pytest.approx([0])


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.1, 5), st.floats(-5, 5))
def test_order_stays_and_all_are_probabilities(
    scores: list[float], slope: float, offset: float
) -> None:
    ordered = np.sort(np.array(scores, dtype=float))
    found = probability(ordered, Calibration(slope=slope, offset=offset))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()
