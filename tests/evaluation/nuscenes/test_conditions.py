"""What is found by distance and by points, at the score where F1 is best."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.evaluation.nuscenes.conditions import Conditions, Outcome, best_scores
from cm3d.tables import Boxes3D
from tests.evaluation.known import TAXONOMY

Make = Callable[..., Any]
NO_RACKS = Boxes3D.empty()


def rows_of(boxes: Any, truth: Any, frames: Any) -> tuple[dict[str, Any], dict[str, Any], int]:
    conditions = Conditions(TAXONOMY)
    conditions.add(boxes, truth, frames, NO_RACKS)
    by_distance, by_points = conditions.rows()
    return (
        {row.pop("distance_m"): row for row in by_distance},
        {row.pop("points"): row for row in by_points},
        conditions.boxes,
    )


def test_objects_are_found_near_and_missed_far(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    truth = make_truth([(5, 0), (8, 0), (25, 0), (28, 0)], num_lidar_points=[200, 12, 12, 3])
    boxes = make_boxes([(5, 1), (8, 0), (25, 0.5)])
    near, points, count = rows_of(boxes, truth, make_frames("f"))
    assert count == 3
    assert near["0-10"] == {"found": 1, "ATE": 0.5, "ASE": 0, "AOE": 0, "objects": 2}
    assert near["20-30"] == {"found": 0.5, "ATE": 0.5, "ASE": 0, "AOE": 0, "objects": 2}
    nothing = dict.fromkeys(["found", "ATE", "ASE", "AOE"])
    assert near["40-50"] == near["50+"] == {**nothing, "objects": 0}
    assert points["0-5"] == {**nothing, "found": 0, "objects": 1}
    assert points["10-20"]["found"] == 1
    assert points["10-20"]["ATE"] == 0.25
    assert points["100+"]["ATE"] == 1


def test_unlikely_boxes_are_no_finds(make_truth: Make, make_boxes: Make, make_frames: Make) -> None:
    """The object at 25 m is hit by the least of six boxes: F1 is 2/3 with it, less than 1 of 2."""
    truth = make_truth([(5, 0), (25, 0)])
    wrong = [(-5, 10 * i) for i in range(-2, 3)]
    boxes = make_boxes([(5, 0), *wrong, (25, 0)], score=[0.9, *[0.2] * 5, 0.1])
    found, _, count = rows_of(boxes, truth, make_frames("f"))
    assert count == 7
    assert found["0-10"]["found"] == 1
    assert found["20-30"]["found"] == 0


def test_an_error_that_means_nothing_for_a_class_is_left_out(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    truth = make_truth([(5, 0)], class_name=["traffic_cone"])
    found, _, _ = rows_of(
        make_boxes([(5, 0)], class_name=["traffic_cone"]), truth, make_frames("f")
    )
    assert found["0-10"] == {"found": 1, "ATE": 0, "ASE": 0, "AOE": None, "objects": 1}


def test_nothing_at_all_is_no_error(make_truth: Make, make_boxes: Make, make_frames: Make) -> None:
    found, points, count = rows_of(make_boxes([]), make_truth([]), make_frames("f"))
    assert count == 0
    assert all(row["found"] is None for row in [*found.values(), *points.values()])


def test_the_best_score_of_each_class_is_where_f1_is_best() -> None:
    """Class 0: F1 is 2/4, 2/5, 4/6, 4/7; class 1: of three equal scores all count or none."""
    outcome = Outcome(
        score=np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.5]),
        box_class=np.array([0, 0, 0, 0, 1, 1, 1]),
        hit=np.array([True, False, True, False, True, False, False]),
        object_class=np.array([0, 0, 0, 1, 2]),
        distance_m=np.zeros(5),
        points=np.zeros(5, dtype=int),
        found_score=np.zeros(5),
        errors=np.zeros((5, 3)),
    )
    assert best_scores(outcome) == pytest.approx([0.7, 0.5, math.inf])
