import numpy as np
import pytest

from cm3d.lift.tracks.grid import Grid, fillable


@pytest.fixture
def grid() -> Grid:
    """Track 0 has boxes in keyframes 1 and 3, track 1 in keyframe 0."""
    return Grid.from_tracks(np.array([0, 1, 0]), np.array([1, 0, 3]), np.arange(5) * 0.5)


def test_cells(grid: Grid) -> None:
    np.testing.assert_array_equal(grid.row, [[0, 0, 0, 2, 2], [1, 1, 1, 1, 1]])
    np.testing.assert_array_equal(grid.observed, [[0, 1, 0, 1, 0], [1, 0, 0, 0, 0]])
    np.testing.assert_array_equal(grid.alive, [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0]])
    np.testing.assert_array_equal([grid.first, grid.last], [[1, 0], [3, 0]])
    np.testing.assert_array_equal(grid.length, [2, 1])


def test_weighted_means(grid: Grid) -> None:
    weight = np.array([1.0, 5.0, 3.0])
    np.testing.assert_allclose(grid.mean(np.array([4.0, 7.0, 8.0]), weight), [7, 7])
    vectors = np.array([[4.0, 0.0], [7.0, 1.0], [8.0, 4.0]])
    np.testing.assert_allclose(grid.mean(vectors, weight), [[7, 3], [7, 1]])


def test_nothing_at_all() -> None:
    nothing = np.empty(0, np.int64)
    grid = Grid.from_tracks(nothing, nothing, np.arange(3.0))
    assert grid.row.shape == (0, 3)
    assert grid.mean(np.empty((0, 2)), np.empty(0)).shape == (0, 2)


FRAME = np.array([1, 3, 6, 7])
GRID = Grid.from_tracks(np.zeros(4, np.int64), FRAME, np.arange(9) * 0.5)


def _filled(max_keyframes: int, x_m: float = 0.0) -> list[int]:
    xy_m = np.full((1, 9, 2), [x_m, 0.0])
    cells = fillable(GRID, xy_m, np.zeros((9, 2)), max_keyframes, range_m=50.0)
    return list(np.flatnonzero(cells[0]))


def test_short_gaps_between_boxes_and_nothing_beyond_them() -> None:
    assert _filled(1) == [2]
    assert _filled(2) == [2, 4, 5]
    assert _filled(9) == [2, 4, 5]
    assert _filled(0) == []


def test_nothing_that_the_sensors_do_not_reach() -> None:
    assert _filled(2, x_m=49.9) == [2, 4, 5]
    assert _filled(2, x_m=50.1) == []
