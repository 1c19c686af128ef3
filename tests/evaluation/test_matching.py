from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.evaluation.matching import Matching, match_boxes
from cm3d.tables import Boxes3D, GroundTruth

Make = Callable[..., Any]


def _found(matching: Matching, distance_m: float) -> list[int]:
    """Truth rows in the order of the predictions."""
    rows = np.empty(len(matching.best_first), dtype=np.int64)
    rows[matching.best_first] = matching.truth_row[distance_m]
    return [int(row) for row in rows]


def _greedy(predictions: Boxes3D, truth: GroundTruth, distance_m: float) -> list[int]:
    """The definition: one prediction after the other, each takes the nearest free box."""
    order = sorted(range(len(predictions)), key=lambda row: (predictions.score[row], row))
    found = [-1] * len(predictions)
    for row in reversed(order):
        nearest_m = distance_m
        for candidate in range(len(truth)):
            same_frame = truth.sample_token[candidate] == predictions.sample_token[row]
            same_class = truth.class_name[candidate] == predictions.class_name[row]
            if same_frame and same_class and candidate not in found:
                offset_m = predictions.center_m[row, :2] - truth.center_m[candidate, :2]
                if np.linalg.norm(offset_m) < nearest_m:
                    nearest_m, found[row] = float(np.linalg.norm(offset_m)), candidate
    return found


def test_the_best_box_takes_the_nearest_and_the_next_best_the_rest(
    make_boxes: Make, make_truth: Make
) -> None:
    boxes = make_boxes([(0.9, 0), (0.4, 0), (0.5, 0)], score=[0.9, 0.8, 0.7])
    matching = match_boxes(boxes, make_truth([(0, 0), (1, 0)]), [1.0])
    assert _found(matching, 1.0) == [1, 0, -1]


def test_a_refused_box_pushes_out_a_worse_one(make_boxes: Make, make_truth: Make) -> None:
    """Along x: the best takes truth 1, so the second falls back on truth 2 of the third."""
    boxes = make_boxes([(3, 0), (2, 0), (1, 0)], score=[0.7, 0.8, 0.9])
    matching = match_boxes(boxes, make_truth([(3.3, 0), (1.4, 0), (2.8, 0)]), [1.0, 4.0])
    assert _found(matching, 1.0) == [0, 2, 1]
    boxes = make_boxes([(2.9, 0), (2, 0), (1, 0)], score=[0.7, 0.8, 0.9])
    matching = match_boxes(boxes, make_truth([(1.4, 0), (2.8, 0)]), [1.0, 4.0])
    assert _found(matching, 1.0) == [-1, 1, 0]
    assert matching.best_first.tolist() == [2, 1, 0]


def test_of_equal_scores_the_later_goes_first(make_boxes: Make, make_truth: Make) -> None:
    boxes = make_boxes([(0.1, 0), (0.4, 0)], score=[0.5, 0.5])
    assert _found(match_boxes(boxes, make_truth([(0, 0)]), [1.0]), 1.0) == [-1, 0]


def test_of_equal_distances_the_earlier_truth_is_taken(make_boxes: Make, make_truth: Make) -> None:
    truth = make_truth([(1, 0), (-1, 0), (0, 1)])
    assert _found(match_boxes(make_boxes([(0, 0)]), truth, [2.0]), 2.0) == [0]


def test_a_match_is_nearer_than_the_distance(make_boxes: Make, make_truth: Make) -> None:
    matching = match_boxes(make_boxes([(2, 0)]), make_truth([(0, 0)]), [2.0, 2.01])
    assert (_found(matching, 2.0), _found(matching, 2.01)) == ([-1], [0])


@pytest.mark.parametrize(("boxes", "truth"), [(0, 0), (2, 0), (0, 2)])
def test_nothing_matches_nothing(
    make_boxes: Make, make_truth: Make, boxes: int, truth: int
) -> None:
    matching = match_boxes(make_boxes([(0, 0)] * boxes), make_truth([(0, 0)] * truth), [1.0])
    assert _found(matching, 1.0) == [-1] * boxes


def test_a_crowd_around_one_box_is_settled(make_boxes: Make, make_truth: Make) -> None:
    boxes = make_boxes([(0.001 * i, 0) for i in range(400)], score=np.arange(400) / 400)
    found = _found(match_boxes(boxes, make_truth([(0, 0), (0.2, 0)]), [4.0]), 4.0)
    assert (found[399], found[398]) == (1, 0)
    assert set(found[:398]) == {-1}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([5, 20, 60]))
def test_matches_are_those_of_the_definition(seed: int, most: int, random_split: Make) -> None:
    predictions, truth, _, _ = random_split(seed, most)
    matching = match_boxes(predictions, truth, [0.5, 2.0, 4.0])
    for distance_m in (0.5, 2.0, 4.0):
        assert _found(matching, distance_m) == _greedy(predictions, truth, distance_m)
