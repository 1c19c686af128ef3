import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.lift.tracks.agreement import agreed_sizes, track_scores
from cm3d.lift.tracks.grid import Grid

CAR, TRUCK = 0, 1


@pytest.fixture
def grid() -> Grid:
    """Track 0 has boxes 0, 1 and 3, track 1 box 2."""
    return Grid.from_tracks(np.array([0, 0, 1, 0]), np.array([0, 1, 1, 2]), np.arange(3) * 0.5)


def test_sizes_are_weighted_and_of_the_right_class(grid: Grid) -> None:
    size_m = np.array([[4, 2, 1], [9, 3, 3], [8, 3, 3], [5, 2, 2]], dtype=float)
    classes = np.array([CAR, TRUCK, TRUCK, CAR])
    found = agreed_sizes(
        size_m, np.array([0.25, 1.0, 0.5, 0.75]), classes, np.array([CAR, TRUCK]), grid
    )
    np.testing.assert_allclose(found, [[4.75, 2, 1.75], [8, 3, 3]])


def test_sizes_that_nobody_saw_are_averaged(grid: Grid) -> None:
    size_m = np.array([[4, 2, 1], [4, 2, 1], [8, 3, 3], [7, 2, 1]], dtype=float)
    found = agreed_sizes(size_m, np.zeros(4), np.zeros(4, np.int64), np.zeros(2, np.int64), grid)
    np.testing.assert_allclose(found, [[5, 2, 1], [8, 3, 3]])


def _score(scores: list[float], prior_boxes: float) -> float:
    count = len(scores)
    grid = Grid.from_tracks(np.zeros(count, np.int64), np.arange(count), np.arange(count) * 0.5)
    return float(track_scores(np.array(scores), grid, prior_boxes)[0])


def test_by_hand() -> None:
    np.testing.assert_allclose(_score([0.4, 0.8], 2.0), 1.2 / 4)
    np.testing.assert_allclose(_score([0.8], 0.0), 0.8)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 10))
def test_longer_is_better_and_all_stays_a_score(
    scores: list[float], more: float, prior_boxes: float
) -> None:
    shorter = _score(scores, prior_boxes)
    assert 0 <= shorter <= 1
    mean = float(np.mean(scores))
    assert _score([*scores, mean], prior_boxes) >= shorter - 1e-12
    raised = [max(score, more) for score in scores]
    assert _score(raised, prior_boxes) >= shorter - 1e-12
