from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.geometry.rows import columns
from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.objective import Objective
from cm3d.lift.fit.search import _neighbours, behind_seen_sides, search

NO_PENALTY = np.zeros(1)


def row(*values: float) -> Candidates:
    return Candidates(*(np.array([value], dtype=float) for value in values))


def values(boxes: Candidates) -> list[list[float]]:
    return [column.tolist() for column in columns(boxes).values()]


def cost(objective: Objective, boxes: Candidates) -> float:
    return float(objective.cost(boxes.expanded())[0, 0])


def test_no_rounds_leave_the_start(make_seen: Callable[..., Objective], solid: Any) -> None:
    objective = make_seen(solid(20, 5, 0.3))
    start = row(19, 6, 0.2, 4, 2)
    boxes, found = search(objective, start, np.array([0.25]), True, True, 0)
    assert values(boxes) == values(start)
    assert found[0] == pytest.approx(cost(objective, start) + 0.25)


@settings(max_examples=40, deadline=None)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-4, 4), st.floats(3, 6), st.integers(1, 6))
def test_cost_never_rises(
    make_seen: Callable[..., Objective],
    solid: Any,
    dx: float,
    dy: float,
    yaw: float,
    length: float,
    rounds: int,
) -> None:
    objective = make_seen(solid(20, 5, 0.3))
    start = row(20 + dx, 5 + dy, yaw, length, 1.8)
    before = cost(objective, start)
    for _ in range(2):
        start, found = search(objective, start, NO_PENALTY, True, True, rounds)
        assert found[0] <= before
        before = found[0]
        assert before == pytest.approx(cost(objective, start))


@pytest.mark.parametrize("yaw", [0.0, 0.4, -1.2, 2.5])
def test_box_around_an_l_of_points(
    make_seen: Callable[..., Objective], solid: Any, yaw: float
) -> None:
    car = solid(22, 6, yaw)
    objective = make_seen(car)
    boxes, found = search(
        objective, row(22.5, 5.6, yaw + 0.1, 4.5, 1.8), NO_PENALTY, True, True, 20
    )
    # Points are free to lie behind faces, so a turned box is held by fewer of them: the search,
    # which changes one thing at a time, may stop in that valley, a little before the true box.
    assert (boxes.x_m[0], boxes.y_m[0]) == pytest.approx((22, 6), abs=0.2)
    assert boxes.yaw_rad[0] == pytest.approx(yaw, abs=0.1)
    true = cost(objective, row(22, 6, yaw, 4.5, 1.8))
    assert true - 0.01 < found[0] < true + 0.06


def test_start_behind_the_seen_sides_is_the_car(
    make_seen: Callable[..., Objective], solid: Any
) -> None:
    objective = make_seen(solid(22, 6, 0.4))
    start = behind_seen_sides(objective, np.array([0.4]))
    assert (start.x_m[0], start.y_m[0]) == pytest.approx((22, 6))
    # It leaves nothing but the depth of points on one face behind the other.
    but_for_depth = make_seen(
        solid(22, 6, 0.4), points=1.0, uncovered=1.0, overhang=1.0, extent=1.0
    )
    assert cost(but_for_depth, start) == pytest.approx(0, abs=1e-6)


def test_sizes_and_headings_move_only_if_they_may(
    make_seen: Callable[..., Objective], solid: Any
) -> None:
    objective = make_seen(solid(22, 6, 0.4))
    start = row(22.5, 5.6, 0.2, 4.0, 2.0)
    still, _ = search(objective, start, NO_PENALTY, False, False, 10)
    assert (still.yaw_rad[0], still.length_m[0], still.width_m[0]) == (0.2, 4.0, 2.0)
    assert still.x_m[0] != 22.5
    turned, _ = search(objective, start, NO_PENALTY, False, True, 10)
    assert turned.yaw_rad[0] == pytest.approx(0.4, abs=0.1)
    assert (turned.length_m[0], turned.width_m[0]) == (4.0, 2.0)
    sized, _ = search(
        objective, replace(start, yaw_rad=np.array([0.4])), NO_PENALTY, True, False, 10
    )
    assert sized.yaw_rad[0] == 0.4
    assert sized.length_m[0] != 4.0


def test_objects_do_not_disturb_each_other(make_seen: Callable[..., Objective], solid: Any) -> None:
    objective = make_seen(solid(22, 6, 0.4))
    twice = objective[np.array([0, 0])]
    start = Candidates(
        *(
            np.array(pair, dtype=float)
            for pair in ([22.5, 21], [5.6, 7], [0.2, 0.9], [4.5, 4.5], [1.8, 1.8])
        )
    )
    both, costs = search(twice, start, np.zeros(2), True, True, 6)
    for each in range(2):
        rows = np.array([each])
        alone, found = search(objective, start[rows], NO_PENALTY, True, True, 6)
        assert costs[each] == pytest.approx(found[0])
        assert np.array(values(both[rows])) == pytest.approx(np.array(values(alone)))


def test_same_bytes_wherever_arrays_lie_in_memory(
    make_seen: Callable[..., Objective], solid: Any
) -> None:
    """numpy takes another loop for exp where its result lies right behind strided steps."""
    many = make_seen(solid(20, 5, 0.3))[np.zeros(55, dtype=np.int64)]
    boxes = Candidates(*(np.full(55, value) for value in (20, 5, 0.3, 4.5, 1.8)))
    step = 0.5 ** np.random.default_rng(0).integers(0, 5, 55)
    expected = _neighbours(boxes, step, many, True, True)
    held = []
    for size in range(0, 4000, 4):
        held.append(np.empty(size))
        found = _neighbours(boxes, step, many, True, True)
        assert values(found) == values(expected)


def test_car_from_behind(make_objective: Callable[..., Objective]) -> None:
    objective = make_objective([[18, -0.7, 1], [18.1, 0.9, 1], [18.2, 0.2, 1]])
    box = behind_seen_sides(objective, np.zeros(1))
    # The rear touches the nearest point; across, the sensor sees no face: middle of the points.
    assert [column[0] for column in values(box)] == pytest.approx([18 + 2.25, 0.1, 0, 4.5, 1.8])


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
    assert [column[0] for column in values(box)] == pytest.approx([10.1, 2.2, 0.3, 0.7, 0.4])
