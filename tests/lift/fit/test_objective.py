from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.lift.fit.footprints import Candidates
from cm3d.lift.fit.objective import Objective
from cm3d.lift.fit.observations import Samples

# 4 m x 2 m, seen from behind: rear at x = 18. Its outline is columns 400 -+ 600 / 18 = 33.33.
BEHIND = (20.0, 0.0, 0.0, 4.0, 2.0)
SIZE = (4.0, 2.0, 1.5)
SIDE_PX = 600 / 18


def cost(objective: Objective, *boxes: tuple[float, ...]) -> list[float]:
    columns = zip(*boxes, strict=True)
    return objective.cost(Candidates(*(np.array(column)[None] for column in columns)))[0].tolist()


@pytest.mark.parametrize(
    ("point_m", "expected"),
    [
        ((18, 0.4, 1), 0.0),  # on the rear
        ((18.25, 0, 1), 0.05),  # 0.25 m behind it, at 0.2 per metre
        ((18.25, 0.99, 1), 0.05),  # the sides are not seen: how near they are does not matter
        ((19.5, 0, 1), 0.2),  # deeper than 1 m nothing more is lost
        ((17.8, 0, 1), 0.6),  # 0.2 m before it counts 1.5 times, in tolerances of 0.5 m
        ((20, 1.2, 1), 0.8),  # as does 0.2 m beside it, and it is deep behind the rear
        ((30, 0, 1), 1.2),
    ],
)
def test_points_belong_behind_the_faces_that_are_seen(
    make_objective: Callable[..., Objective], point_m: tuple[float, ...], expected: float
) -> None:
    objective = make_objective([point_m], points=1.0, behind=0.2)
    assert cost(objective, BEHIND) == pytest.approx([expected])
    twice = make_objective([point_m], points=2.0, behind=0.2)
    assert cost(twice, BEHIND) == pytest.approx([2 * expected])


def test_faces_count_by_the_angle_at_which_they_are_seen(
    make_objective: Callable[..., Objective],
) -> None:
    # The car is to the right, so its left side y = -4 is seen too. From its middle the sensor is
    # 20 m back and 5 m aside: the rear counts 400 / 425, the side 25 / 425.
    box = (20, -5, 0, 4, 2)
    on_side = make_objective([[18.5, -4, 1]], points=1.0, behind=1.0)
    assert cost(on_side, box) == pytest.approx([0.5 * 400 / 425])
    on_rear = make_objective([[18, -4.5, 1]], points=1.0, behind=1.0)
    assert cost(on_rear, box) == pytest.approx([0.5 * 25 / 425])
    both = make_objective([[18.5, -4, 1], [18, -4.5, 1]], points=1.0, behind=1.0)
    assert cost(both, box) == pytest.approx([0.25])


# Of a car of 4.5 x 1.8 m, in its frame: 4 returns of the rear face, 6 of the trunk and the roof,
# 5 of seats and dashboard. The sensor is behind it.
REAR = [[-2.25, y, 0.6] for y in (-0.7, -0.2, 0.3, 0.8)]
ABOVE = [[x, y, z] for x, z in ((-1.9, 0.9), (-0.9, 1.5), (0.1, 1.5)) for y in (-0.4, 0.5)]
INSIDE = [[x, y, 1.1] for x, y in ((-0.9, 0.4), (-0.2, -0.3), (0.3, 0.5), (0.9, 0.1), (1.2, 0))]


@pytest.mark.parametrize("range_m", [12.0, 20.0, 35.0])
def test_annotated_box_costs_less_than_nearer_and_farther_ones(
    make_objective: Callable[..., Objective], range_m: float
) -> None:
    points_m = np.array([*REAR, *ABOVE, *INSIDE]) + np.array([range_m, 0, 0])
    behind = make_objective(points_m, points=1.0, behind=0.15)
    true, nearer, farther = cost(
        behind, *((range_m + off_m, 0, 0, 4.5, 1.8) for off_m in (0, -0.5, 0.5))
    )
    assert true < nearer
    assert true < farther
    # Of 15 points 4 are on the rear face, 2 are 0.35 m behind it and 9 are deeper than 1 m. Moved
    # 0.5 m nearer they are 0.5 m, 0.85 m and still more than 1 m behind it.
    assert true == pytest.approx(0.15 * (2 * 0.35 + 9) / 15)
    assert nearer == pytest.approx(0.15 * (4 * 0.5 + 2 * 0.85 + 9) / 15)


def test_people_have_their_points_in_the_middle(make_objective: Callable[..., Objective]) -> None:
    person = (10, 0, 0, 0.8, 0.6)
    inside = make_objective([[10.3, 0, 1]], hollow=True, points=1.0)
    assert cost(inside, person) == pytest.approx([0.3 * 0.3 / 0.5])
    outside = make_objective([[10, 0.5, 1]], hollow=True, points=1.0)
    assert cost(outside, person) == pytest.approx([(1.5 * 0.2 + 0.3 * 0.5) / 0.5])


def test_missing_samples_do_not_count(make_objective: Callable[..., Objective]) -> None:
    one = make_objective([[17.8, 0, 1]], points=1.0)
    padded = Samples(
        np.concatenate([one.facts.samples.points_m, np.full((1, 3, 3), 9e9)], axis=1),
        np.array([[True, False, False, False]]),
    )
    more = replace(one, facts=replace(one.facts, samples=padded))
    assert cost(more, BEHIND) == pytest.approx([0.6])


@pytest.mark.parametrize(
    ("mask_px", "uncovered", "overhang"),
    [
        ((400 - SIDE_PX, 400 + SIDE_PX), 0.0, 0.0),
        ((400, 400 + SIDE_PX), 0.0, 0.5),
        ((400 - SIDE_PX, 400 + 3 * SIDE_PX), 0.5, 0.0),
        ((400, 400 + 4 * SIDE_PX), 0.75, 0.5),
        ((700, 800), 1.0, 1.0),
    ],
)
def test_outline_in_the_image(
    make_objective: Callable[..., Objective],
    mask_px: tuple[float, float],
    uncovered: float,
    overhang: float,
) -> None:
    box_px = (mask_px[0], 200, mask_px[1], 250)
    point_m = [[18, 0, 1]]
    assert cost(make_objective(point_m, box_px, uncovered=1.0), BEHIND) == pytest.approx(
        [uncovered]
    )
    assert cost(make_objective(point_m, box_px, overhang=1.0), BEHIND) == pytest.approx([overhang])


def test_outline_reaches_from_the_ground_to_the_top(
    make_objective: Callable[..., Objective],
) -> None:
    """A camera that is rolled by a quarter turn sees heights as columns."""
    level = make_objective([[18, 0, 1]], (100, 0, 300, 450), sides=SIZE, overhang=1.0)
    # u = 400 + 600 (z - 1.5) / x: the rear's bottom is at 350, the top of both ends at 400.
    rolled = np.array([[400, 0, 600, -900], [225, 600, 0, 0], [1, 0, 0, 0]])
    views = replace(
        level.facts.views, pixels_P_global=rolled[None], box_px=np.array([[375, 0, 400, 9]])
    )
    assert cost(replace(level, facts=replace(level.facts, views=views)), BEHIND) == pytest.approx(
        [0.5]
    )


def test_what_is_outside_the_image_does_not_overhang(
    make_objective: Callable[..., Objective],
) -> None:
    # Its right half is outside: columns 766.67 to 833.33.
    objective = make_objective([[18, -12, 1]], (766.667, 200, 800, 250), overhang=1.0)
    cut = (18.001, -12.0, 0.0, 0.002, 2.0)
    assert cost(objective, cut) == pytest.approx([0.0], abs=2e-3)


def test_free_space(make_objective: Callable[..., Objective], make_samples: Any) -> None:
    rays = make_samples([[40, 0, 0.75], [20, 0, 0.75]])
    through = make_objective([[18, 0, 1]], rays=rays, sides=SIZE, free_space=1.0)
    assert cost(through, BEHIND, (20, 9, 0, 4, 2)) == [0.5, 0]
    hollow = make_objective([[18, 0, 1]], rays=rays, sides=SIZE, hollow=True, free_space=1.0)
    assert cost(hollow, BEHIND) == [0]
    without = make_objective([[18, 0, 1]], sides=SIZE, free_space=1.0)
    assert cost(without, BEHIND) == [0]


def test_sizes_are_near_those_of_the_class(make_objective: Callable[..., Objective]) -> None:
    objective = make_objective([[18, 0, 1]], sides=SIZE, extent=1.0)
    longer = (20, 0, 0, 4 * np.exp(0.1), 2)  # one deviation of 0.1
    narrower = (20, 0, 0, 4, 2 * np.exp(-0.14))  # two of 0.07
    assert cost(objective, BEHIND, longer, narrower) == pytest.approx([0, 1, 4])


def test_rows_are_objects_of_their_own(make_seen: Callable[..., Objective], solid: Any) -> None:
    objective = make_seen(solid(15, 4, 0.2))
    twice = objective[np.array([0, 0])]
    boxes = Candidates(*(np.array([[value], [value + 0.5]]) for value in (15, 4, 0.2, 4.5, 1.8)))
    assert twice.cost(boxes)[1].tolist() == objective.cost(boxes[1:])[0].tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.floats(10, 35),
    st.floats(-0.4, 0.4),
    st.floats(-np.pi, np.pi),
    st.floats(-np.pi, np.pi),
    st.floats(0.5, 3),
)
def test_true_box_costs_less_than_shifted_ones(
    make_seen: Callable[..., Objective],
    solid: Any,
    range_m: float,
    bearing: float,
    yaw: float,
    direction: float,
    shift_m: float,
) -> None:
    x, y = range_m * np.cos(bearing), range_m * np.sin(bearing)
    car = solid(x, y, yaw)
    objective = make_seen(car)
    shifted = car._replace(x_m=x + shift_m * np.cos(direction), y_m=y + shift_m * np.sin(direction))
    true, other = cost(objective, car[:5], shifted[:5])
    but_for_depth = make_seen(car, points=1.0, uncovered=1.0, overhang=0.5, extent=0.025)
    assert cost(but_for_depth, car[:5]) == pytest.approx([0], abs=0.02)
    assert other > true + 0.05
