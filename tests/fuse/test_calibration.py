from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.fuse.calibration import are_right, calibrate, fit_temperature
from cm3d.tables import Boxes3D

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


def test_temperature_of_least_likelihood_by_hand() -> None:
    # Odds of 9 that are right 9 times in 10 say what they are worth; at 0.5 they are odds of 81.
    scores, right = np.full(10, 0.9), np.arange(10) < 9
    best, costs = fit_temperature(scores, right, [0.5, 1.0, 2.0])
    assert best == 1.0
    assert costs[1.0] == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)))
    assert costs[0.5] == pytest.approx(-(0.9 * np.log(81 / 82) + 0.1 * np.log(1 / 82)))
    assert costs[2.0] == pytest.approx(-(0.9 * np.log(0.75) + 0.1 * np.log(0.25)))


def test_overconfident_scores_are_drawn_to_the_middle() -> None:
    scores, right = np.full(10, 0.99), np.arange(10) < 6
    assert fit_temperature(scores, right, [0.25, 1.0, 8.0])[0] == 8.0


def test_of_equals_the_first() -> None:
    even = np.full(4, 0.5)
    assert fit_temperature(even, np.ones(4, dtype=bool), [2.0, 1.0])[0] == 2.0
    nothing = np.empty(0)
    assert fit_temperature(nothing, nothing > 0, [4.0, 1.0]) == (4.0, {4.0: 0.0, 1.0: 0.0})


def test_certain_scores_cost_a_finite_amount() -> None:
    _, costs = fit_temperature(np.array([0.0, 1.0]), np.array([True, False]), [0.01])
    assert np.isfinite(costs[0.01])


def test_right_is_near_a_true_box_that_none_better_took(make_boxes: Callable[..., Boxes3D]) -> None:
    # One car at x = 10: the surer of two near it is right; 2 m count, 2.1 m do not.
    proposals = make_boxes([(10.5, 0), (10, 1), (30, 2.0), (50, 2.1)], score=[0.6, 0.7, 0.2, 0.9])
    truth = make_boxes([(10, 0), (30, 0), (50, 0)], class_name=["car", "barrier", "bus"])
    assert are_right(proposals, truth).tolist() == [False, True, True, False]


def test_surer_ones_take_the_nearest_that_is_left(make_boxes: Callable[..., Boxes3D]) -> None:
    proposals = make_boxes([(1, 0), (0.5, 0), (0, 0)], score=[0.5, 0.9, 0.7])
    truth = make_boxes([(0, 0), (1.4, 0)])
    # 0.9 takes 0, at 0.5 m; 0.7 the other, at 1.4 m; nothing is left for 0.5.
    assert are_right(proposals, truth).tolist() == [False, True, True]


def test_keyframes_and_heights_do_not_mix(make_boxes: Callable[..., Boxes3D]) -> None:
    proposals = make_boxes([(0, 0), (0, 0)], sample_token=["a", "b"])
    truth = make_boxes([(0, 0)], sample_token=["b"], center_m=[(0, 0, 9.0)])
    assert are_right(proposals, truth).tolist() == [False, True]
    assert are_right(proposals, make_boxes([])).tolist() == [False, False]
    assert are_right(make_boxes([]), truth).tolist() == []
