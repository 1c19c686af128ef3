import numpy as np

from cm3d.lift.tracks.gaps import fillable
from cm3d.lift.tracks.grid import Grid

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
