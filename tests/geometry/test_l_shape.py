import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.geometry.l_shape import closest_directions


def l_shape(angle_rad: float, length_m: float = 4.5, width_m: float = 1.8) -> np.ndarray:
    """Points 0.2 m apart on one long and one short side, (K, 2)."""
    along_m, across_m = np.arange(0, length_m, 0.2), np.arange(0, width_m, 0.2)
    sides = np.concatenate(
        [
            np.column_stack([along_m, np.zeros_like(along_m)]),
            np.column_stack([np.zeros_like(across_m), across_m]),
        ]
    )
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return sides @ np.array([[cosine, sine], [-sine, cosine]]) + [20, -7]


def direction(xy_m: np.ndarray, **options: float) -> float:
    return float(closest_directions(xy_m[None], np.ones((1, len(xy_m)), bool), **options)[0])


@pytest.mark.parametrize("degrees", [0, 10, 44, 60, 88])
def test_direction_of_an_l(degrees: float) -> None:
    assert direction(l_shape(np.deg2rad(degrees))) == pytest.approx(np.deg2rad(degrees))


def test_quarter_turns_are_the_same_rectangle() -> None:
    assert direction(l_shape(np.deg2rad(100))) == pytest.approx(np.deg2rad(10))
    assert direction(l_shape(np.deg2rad(-80))) == pytest.approx(np.deg2rad(10))


def test_one_side_alone() -> None:
    assert direction(l_shape(np.deg2rad(30), width_m=0.1)) == pytest.approx(np.deg2rad(30))


def test_finer_steps() -> None:
    found = direction(l_shape(np.deg2rad(30.5), 20.0, 8.0), step_rad=np.deg2rad(0.5))
    assert found == pytest.approx(np.deg2rad(30.5))


def test_points_that_are_not_there_do_not_count() -> None:
    xy_m = l_shape(np.deg2rad(20))
    padded = np.concatenate([xy_m, [[0.0, 0.0], [99, 99]]])
    valid = np.arange(len(padded)) < len(xy_m)
    assert closest_directions(padded[None], valid[None])[0] == direction(xy_m)


def test_one_point_and_none() -> None:
    assert direction(np.array([[3.0, 4.0]])) == 0
    assert closest_directions(np.empty((0, 5, 2)), np.empty((0, 5), bool)).shape == (0,)
    assert closest_directions(np.ones((1, 2, 2)), np.zeros((1, 2), bool)).shape == (1,)


def naive_closeness(xy_m: np.ndarray, angle_rad: float) -> float:
    """Zhang et al. (2017), point by point."""
    along = [np.cos(angle_rad) * x + np.sin(angle_rad) * y for x, y in xy_m]
    across = [np.cos(angle_rad) * y - np.sin(angle_rad) * x for x, y in xy_m]
    total = 0.0
    for a, b in zip(along, across, strict=True):
        edges = (a - min(along), max(along) - a, b - min(across), max(across) - b)
        total += 1 / max(min(edges), 0.05)
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 15))
def test_no_direction_is_closer_by_the_formula(seed: int, count: int) -> None:
    xy_m = np.random.default_rng(seed).normal(0, 2, (count, 2))
    tried = np.deg2rad(np.arange(0, 90, 2))
    best = max(naive_closeness(xy_m, angle_rad) for angle_rad in tried)
    assert naive_closeness(xy_m, direction(xy_m)) == pytest.approx(best)
