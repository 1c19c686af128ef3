"""The filter and the smoother, against numbers worked out by hand and a naive reference."""

import numpy as np
import pytest

from cm3d.lift.tracks.kalman import States, doubt, inverse_2x2, smoothed


def _born(std_m: float, speed_std_mps: float) -> States:
    covariance = speed_std_mps**2 * np.eye(2)[None]
    return States.born(np.array([[1.0, 2.0]]), np.array([std_m]), covariance)


def test_a_new_state_stands_with_an_unknown_velocity() -> None:
    state = _born(0.5, 3.0)
    np.testing.assert_allclose(state.mean, [[1, 2, 0, 0]])
    np.testing.assert_allclose(state.covariance[0], np.diag([0.25, 0.25, 9, 9]))


def test_prediction_by_hand() -> None:
    state = States(np.array([[1.0, 2.0, 4.0, -2.0]]), _born(0.5, 3.0).covariance)
    later = state.predicted(0.5, np.array([2.0]))
    np.testing.assert_allclose(later.mean, [[3, 1, 4, -2]])
    # P_xx = 0.25 + 0.25 * 9 + (0.125 * 2)^2; P_xv = 0.5 * 9 + 0.125 * 0.5 * 4; P_vv = 9 + 1
    np.testing.assert_allclose(later.covariance[0, 0, [0, 1, 2, 3]], [2.5625, 0, 4.75, 0])
    np.testing.assert_allclose(later.covariance[0, 2, 2], 10)


def test_correction_by_hand() -> None:
    state = States(np.zeros((1, 4)), np.diag([3.0, 3.0, 2.0, 2.0])[None])
    state.covariance[0, 0, 2] = state.covariance[0, 2, 0] = 1.0
    after = state.corrected(np.array([[4.0, 8.0]]), np.array([1.0]), np.array([True]))
    # The gain is 3 / (3 + 1) for x and y, 1 / (3 + 1) for vx.
    np.testing.assert_allclose(after.mean, [[3, 6, 1, 0]])
    np.testing.assert_allclose(after.covariance[0, 0, 0], 0.75)
    np.testing.assert_allclose(after.covariance[0, 2, 2], 2 - 0.25)


def test_what_is_not_observed_stays_as_it_was() -> None:
    state = _born(0.5, 3.0)
    after = state.corrected(np.array([[50.0, 50.0]]), np.array([1.0]), np.array([False]))
    np.testing.assert_array_equal(after.mean, state.mean)
    np.testing.assert_array_equal(after.covariance, state.covariance)


def _least_squares(
    xy_m: np.ndarray,
    std_m: np.ndarray,
    observed: np.ndarray,
    speed_std_mps: float,
    time_s: np.ndarray,
) -> np.ndarray:
    """(T, 4) states of one object that keeps its velocity, as one weighted line fit."""
    rows = np.flatnonzero(observed)
    design = np.stack([np.ones(len(rows)), time_s[rows]], axis=1) / std_m[rows, None]
    precision = design.T @ design + np.diag([0, speed_std_mps**-2])
    fit = np.linalg.solve(precision, design.T @ (xy_m[rows] / std_m[rows, None]))
    return np.hstack([fit[0] + time_s[:, None] * fit[1], np.tile(fit[1], (len(time_s), 1))])


@pytest.mark.parametrize("seed", range(5))
def test_without_acceleration_smoothing_is_a_line_fit(seed: int) -> None:
    rng = np.random.default_rng([seed, 1])
    time_s = np.cumsum(rng.uniform(0.3, 0.7, 8))
    time_s -= time_s[0]
    xy_m, std_m = rng.normal(0, 5, (3, 8, 2)), rng.uniform(0.1, 2, (3, 8))
    observed = rng.random((3, 8)) < 0.6
    observed[:, 0] = True
    states = smoothed(xy_m, std_m, observed, np.tile(9 * np.eye(2), (3, 1, 1)), np.zeros(3), time_s)
    for track in range(3):
        expected = _least_squares(xy_m[track], std_m[track], observed[track], 3.0, time_s)
        np.testing.assert_allclose(states.mean[track], expected, atol=1e-6)


def test_smoothing_knows_more_than_filtering() -> None:
    time_s = np.arange(6) * 0.5
    xy_m = np.stack([4.0 * time_s, np.zeros(6)], axis=-1)[None]
    observed = np.array([[False, True, True, False, True, True]])
    states = smoothed(
        xy_m, np.full((1, 6), 0.3), observed, 100 * np.eye(2)[None], np.ones(1), time_s
    )
    np.testing.assert_allclose(states.mean[0, 1:, 2], 4, atol=0.05)
    np.testing.assert_allclose(states.mean[0, 3, :2], [6, 0], atol=0.02)
    assert states.covariance[0, 3, 0, 0] > states.covariance[0, 2, 0, 0]
    assert np.all(states.covariance[0, 1:5, 2, 2] < 2.0)


def test_doubt_grows_with_the_distance_in_deviations() -> None:
    offset_m = np.array([[0.0, 0.0], [3.0, 4.0], [0.6, 0.8]])
    np.testing.assert_allclose(
        doubt(offset_m, np.array([1.0, 1.0, 0.2]), 4.0), [4 / 6, 29 / 6, 29 / 6]
    )
    np.testing.assert_allclose(doubt(offset_m, np.ones(3), 1e12), 1)


def test_inverse_of_small_matrices() -> None:
    matrix = np.random.default_rng([1, 2]).normal(size=(4, 3, 2, 2))
    np.testing.assert_allclose(inverse_2x2(matrix), np.linalg.inv(matrix))
