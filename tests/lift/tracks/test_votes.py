import numpy as np
import pytest

from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.votes import agreed_sizes, voted_classes

CAR, TRUCK = 0, 1


@pytest.fixture
def grid() -> Grid:
    """Track 0 has boxes 0, 1 and 3, track 1 box 2."""
    return Grid.from_tracks(np.array([0, 0, 1, 0]), np.array([0, 1, 1, 2]), np.arange(3) * 0.5)


def test_scores_vote(grid: Grid) -> None:
    classes = np.array([CAR, TRUCK, TRUCK, CAR])
    strong_truck = voted_classes(classes, np.array([0.3, 0.7, 0.1, 0.3]), grid)
    np.testing.assert_array_equal(strong_truck, [TRUCK, TRUCK])
    strong_cars = voted_classes(classes, np.array([0.4, 0.7, 0.1, 0.4]), grid)
    np.testing.assert_array_equal(strong_cars, [CAR, TRUCK])


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
