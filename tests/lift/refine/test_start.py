from collections.abc import Callable

import numpy as np
import pytest

from cm3d.lift.refine.objective import Objective
from cm3d.lift.refine.start import behind_seen_sides


def test_car_from_behind(make_objective: Callable[..., Objective]) -> None:
    objective = make_objective([[18, -0.7, 1], [18.1, 0.9, 1], [18.2, 0.2, 1]])
    box = behind_seen_sides(objective, np.zeros(1))
    # The rear touches the nearest point; across, the sensor sees no face: middle of the points.
    assert [column[0] for column in box] == pytest.approx([18 + 2.25, 0.1, 0, 4.5, 1.8])


def test_car_at_the_side_of_the_road(make_objective: Callable[..., Objective]) -> None:
    objective = make_objective([[18, 5, 1], [18, 6, 1], [20, 5, 1]])
    box = behind_seen_sides(objective, np.zeros(1))
    assert (box.x_m[0], box.y_m[0]) == pytest.approx((20.25, 5.9))
    across = behind_seen_sides(objective, np.array([np.pi / 2]))
    assert (across.x_m[0], across.y_m[0]) == pytest.approx((18.9, 7.25))


def test_car_behind_the_sensor_reaches_backwards(make_objective: Callable[..., Objective]) -> None:
    objective = make_objective([[-18, -5, 1], [-20, -5, 1]])
    box = behind_seen_sides(objective, np.zeros(1))
    assert (box.x_m[0], box.y_m[0]) == pytest.approx((-20.25, -5.9))


def test_people_stand_where_their_points_are(make_objective: Callable[..., Objective]) -> None:
    objective = make_objective([[10, 2, 1], [10.2, 2.4, 1]], hollow=True, sides=(0.7, 0.4, 1.7))
    box = behind_seen_sides(objective, np.array([0.3]))
    assert [column[0] for column in box] == pytest.approx([10.1, 2.2, 0.3, 0.7, 0.4])
