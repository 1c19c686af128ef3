from collections.abc import Callable

import numpy as np
import pytest

from cm3d.lift.tracks.association import assign, associate, link, log_rest, pair_costs
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.kalman import States
from cm3d.params import Tracks

TIME_S = np.arange(6) * 0.5
Make = Callable[..., Detections]


def test_parked_cars_six_metres_apart_stay_apart(make_detections: Make, all_on: Tracks) -> None:
    rows = [(step, x, 0.0) for step in range(4) for x in (0.0, 6.0, 12.0)]
    track = associate(make_detections(*rows), TIME_S, all_on)
    np.testing.assert_array_equal(track, [0, 1, 2] * 4)


def test_a_car_that_drives_six_metres_per_keyframe_is_one(
    make_detections: Make, all_on: Tracks
) -> None:
    rows = [(step, 6.0 * step, 0.0) for step in range(5)]
    np.testing.assert_array_equal(associate(make_detections(*rows), TIME_S, all_on), [0] * 5)


def test_cars_that_meet_keep_their_ways(make_detections: Make, all_on: Tracks) -> None:
    rows = [
        place
        for step in range(6)
        for place in ((step, 4.0 * step - 10, 1.6), (step, 10 - 4.0 * step, -1.6))
    ]
    np.testing.assert_array_equal(associate(make_detections(*rows), TIME_S, all_on), [0, 1] * 6)


def test_cars_do_not_leap_sideways(make_detections: Make, all_on: Tracks) -> None:
    aside = make_detections((0, 0, 0), (1, 0, 6))
    np.testing.assert_array_equal(associate(aside, TIME_S, all_on), [0, 1])
    turned = make_detections((0, 0, 0), (1, 0, 6), yaw_rad=[np.pi / 2] * 2)
    np.testing.assert_array_equal(associate(turned, TIME_S, all_on), [0, 0])


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["car", "truck"], [0, 0]),
        (["bicycle", "motorcycle"], [0, 0]),
        (["car", "pedestrian"], [0, 1]),
        (["traffic_cone", "barrier"], [0, 1]),
    ],
)
def test_only_similar_classes_are_one_object(
    make_detections: Make, all_on: Tracks, classes: list[str], expected: list[int]
) -> None:
    boxes = make_detections((0, 0, 0), (1, 0.1, 0), class_name=classes)
    np.testing.assert_array_equal(associate(boxes, TIME_S, all_on), expected)


def test_the_same_class_goes_first(make_detections: Make, all_on: Tracks) -> None:
    boxes = make_detections(
        (0, 0, 0), (0, 0, 0), (1, 0, 0), (1, 0, 0), class_name=["car", "truck", "truck", "car"]
    )
    np.testing.assert_array_equal(associate(boxes, TIME_S, all_on), [0, 1, 1, 0])


def test_a_lost_object_is_waited_for_and_then_given_up(
    make_detections: Make, all_on: Tracks
) -> None:
    boxes = make_detections((0, 0, 0), (1, 0, 0), (2, 0, 0), (5, 0, 0))
    patient = all_on.model_copy(update={"max_gap_s": 1.6})
    np.testing.assert_array_equal(associate(boxes, TIME_S, patient), [0, 0, 0, 0])
    hasty = all_on.model_copy(update={"max_gap_s": 1.4})
    np.testing.assert_array_equal(associate(boxes, TIME_S, hasty), [0, 0, 0, 1])


def test_what_stands_is_rather_where_it_was(make_detections: Make, all_on: Tracks) -> None:
    """Densities of a car of unknown motion, half of which stand."""
    first = make_detections((0, 0, 0))
    spread = np.diag([16.0, 1.0])[None]
    here, ahead = make_detections((1, 0.5, 0)), make_detections((1, 5.0, 0))
    costs = [
        pair_costs(np.array([box.xy_m[0, 0] ** 2 / 16]), spread, np.zeros(1), first, box, all_on)
        for box in (here, ahead)
    ]
    moves = -np.log(2 * np.pi * 4) - np.array([0.25, 25.0]) / 32
    stands = -np.log(2 * np.pi * 0.18) - np.array([0.25, 25.0]) / 0.36
    expected = np.log(all_on.birth_density_per_m2) - np.log(np.exp(moves) / 2 + np.exp(stands) / 2)
    np.testing.assert_allclose(np.concatenate(costs), expected)


def test_what_moves_for_sure_does_not_stand() -> None:
    states = States(
        np.array([[0, 0, 0.0, 0.0], [0, 0, 6.0, 0.0]]), np.tile(np.diag([1.0, 1, 4, 4]), (2, 1, 1))
    )
    np.testing.assert_allclose(log_rest(states), [0, -0.5 * 36 / 4])


def test_a_parked_row_does_not_drive_on_by_one(make_detections: Make, all_on: Tracks) -> None:
    """One car is missed and another comes into view: two links of 5.5 m, or one of 0 m."""
    boxes = make_detections((0, 0, 0), (0, 5.5, 0), (1, 5.5, 0), (1, 11, 0))
    np.testing.assert_array_equal(associate(boxes, TIME_S, all_on), [0, 1, 1, 2])
    movers = all_on.model_copy(update={"standing_share": 1e-9})
    np.testing.assert_array_equal(associate(boxes, TIME_S, movers), [0, 1, 0, 1])


def test_cones_do_not_walk(make_detections: Make, all_on: Tracks) -> None:
    boxes = make_detections((0, 0, 0), (1, 1.5, 0), class_name=["traffic_cone"] * 2)
    np.testing.assert_array_equal(associate(boxes, TIME_S, all_on), [0, 1])


def test_assignment_leaves_out_pairs_that_gain_nothing() -> None:
    rows, columns = assign(np.array([[-1.0, -3.0, 0.0], [0.0, -2.5, 0.0]]))
    # -1 and -2.5 together beat -3.
    np.testing.assert_array_equal(rows, [0, 1])
    np.testing.assert_array_equal(columns, [0, 1])
    assert len(assign(np.zeros((2, 3)))[0]) == 0


LONG_S = np.arange(12) * 0.5


def test_pieces_that_move_alike_are_joined(make_detections: Make, all_on: Tracks) -> None:
    rows = [(step, 4.0 * step, 0.0) for step in (0, 1, 2, 6, 7, 8)]
    track = np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), LONG_S, all_on), [0] * 6)


def test_pieces_that_move_against_each_other_are_not(make_detections: Make, all_on: Tracks) -> None:
    rows = [(0, 0, 0), (1, 4, 0), (2, 8, 0), (4, 16, 0), (5, 12, 0), (6, 8, 0)]
    track = np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), LONG_S, all_on), track)


def test_a_box_before_the_start_is_absorbed(make_detections: Make, all_on: Tracks) -> None:
    rows = [(step, 5.0 * step, 0.0) for step in range(5)]
    track = np.array([0, 1, 1, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), LONG_S, all_on), [0] * 5)


def test_three_pieces_become_one_and_numbers_have_no_gaps(
    make_detections: Make, all_on: Tracks
) -> None:
    rows = [(0, 0, 0), (1, 0, 0), (0, 40, 0), (3, 0, 0), (4, 0, 0), (6, 0, 0), (0, 80, 0)]
    track = np.array([0, 0, 1, 2, 2, 3, 4])
    linked = link(track, make_detections(*rows), LONG_S, all_on)
    np.testing.assert_array_equal(linked, [0, 0, 1, 0, 0, 0, 2])


def test_pieces_at_the_same_time_are_two_objects(make_detections: Make, all_on: Tracks) -> None:
    rows = [(0, 0, 0), (1, 0, 0), (1, 0.1, 0), (2, 0.1, 0)]
    track = np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), LONG_S, all_on), track)
