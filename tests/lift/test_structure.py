from typing import Any

import numpy as np
import pytest

from cm3d.lift.lanes import Headings
from cm3d.lift.objects import Objects
from cm3d.lift.priors import Sizes
from cm3d.lift.structure import share_above
from tests.lift.known import CHATGPT
from tests.lift.made import made


def cars(*places: tuple[float, float, float]) -> Objects:
    """4 x 2 m and 1.5 m high on z = 0, from (x, y, heading)."""
    count = len(places)
    place = np.array(places, dtype=float).reshape(-1, 3)
    full = np.ones(count)
    return made(
        known=CHATGPT.known(np.array(["car"] * count, dtype=object)),
        score=full,
        center_m=np.column_stack([place[:, :2], 0.75 * full]),
        size=Sizes(4 * full, 2 * full, 1.5 * full),
        headings=Headings(place[:, 2], np.full(count, np.inf)),
    )


def column(x_m: float, y_m: float, *heights_m: float) -> Any:
    return [[x_m, y_m, height_m] for height_m in heights_m]


def test_wall_goes_on_above_its_door() -> None:
    """Four returns of the door and three of the wall; what is 2 m over the box is too high."""
    wall_m = column(10, 1.2, 0.3, 0.6, 0.9, 1.2, 2.0, 2.5, 3.0, 3.6, 9.0)
    assert share_above(cars((10, 0, 0)), np.array(wall_m)) == pytest.approx([3 / 7])


def test_nothing_stands_on_a_free_car() -> None:
    beside_m = column(12.4, 0, 0.5, 2, 3) + column(10, -1.4, 2, 3)
    own_m = column(9, 0.5, 0.3, 0.8, 1.4) + column(10, 0, 1.6, 1.79)  # the roof is a bit higher
    assert share_above(cars((10, 0, 0)), np.array(own_m + beside_m)).tolist() == [0]


def test_footprints_are_turned_and_of_their_own() -> None:
    points_m = np.array(column(10, 2.2, 1.0, 2.5))  # beyond the side, but before the end
    found = share_above(cars((10, 0, 0), (10, 0, np.pi / 2), (30, 0, 0)), points_m)
    assert found == pytest.approx([0, 0.5, 0])


def test_nothing_at_all() -> None:
    assert share_above(cars(), np.ones((3, 3))).shape == (0,)
    assert share_above(cars((10, 0, 0)), np.empty((0, 3))).tolist() == [0]
