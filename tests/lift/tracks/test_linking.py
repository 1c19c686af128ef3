from collections.abc import Callable

import numpy as np

from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.linking import link
from cm3d.params import Tracks

TIME_S = np.arange(12) * 0.5
Make = Callable[..., Detections]


def test_pieces_that_move_alike_are_joined(make_detections: Make, all_on: Tracks) -> None:
    rows = [(step, 4.0 * step, 0.0) for step in (0, 1, 2, 6, 7, 8)]
    track = np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), TIME_S, all_on), [0] * 6)


def test_pieces_that_move_against_each_other_are_not(make_detections: Make, all_on: Tracks) -> None:
    rows = [(0, 0, 0), (1, 4, 0), (2, 8, 0), (4, 16, 0), (5, 12, 0), (6, 8, 0)]
    track = np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), TIME_S, all_on), track)


def test_a_box_before_the_start_is_absorbed(make_detections: Make, all_on: Tracks) -> None:
    rows = [(step, 5.0 * step, 0.0) for step in range(5)]
    track = np.array([0, 1, 1, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), TIME_S, all_on), [0] * 5)


def test_three_pieces_become_one_and_numbers_have_no_gaps(
    make_detections: Make, all_on: Tracks
) -> None:
    rows = [(0, 0, 0), (1, 0, 0), (0, 40, 0), (3, 0, 0), (4, 0, 0), (6, 0, 0), (0, 80, 0)]
    track = np.array([0, 0, 1, 2, 2, 3, 4])
    linked = link(track, make_detections(*rows), TIME_S, all_on)
    np.testing.assert_array_equal(linked, [0, 0, 1, 0, 0, 0, 2])


def test_pieces_at_the_same_time_are_two_objects(make_detections: Make, all_on: Tracks) -> None:
    rows = [(0, 0, 0), (1, 0, 0), (1, 0.1, 0), (2, 0.1, 0)]
    track = np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(link(track, make_detections(*rows), TIME_S, all_on), track)
