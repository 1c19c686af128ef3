from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.evaluation.nuscenes.matching import (
    Matching,
    candidate_pairs,
    match_boxes,
    match_errors,
    norms,
)
from cm3d.tables import Boxes3D, GroundTruth

Make = Callable[..., Any]
ROW = np.array([0])
SYMMETRIC = ("barrier",)


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


def _pairs(predictions: Any, truth: Any) -> set[tuple[int, int]]:
    pairs = candidate_pairs(predictions, truth, 4.0)
    return set(zip(pairs.prediction.tolist(), pairs.truth.tolist(), strict=True))


def test_boxes_in_reach_are_pairs(make_boxes: Make, make_truth: Make) -> None:
    """Along x: box 0 - truth 3 - box 6, box 20 and truth 30 alone."""
    boxes, truth = make_boxes([(0, 0), (6, 0), (20, 0)]), make_truth([(3, 0), (30, 0)])
    assert _pairs(boxes, truth) == {(0, 0), (1, 0)}
    assert candidate_pairs(boxes, truth, 4.0).distance_m.tolist() == [3, 3]


def test_frames_and_classes_are_out_of_reach(make_boxes: Make, make_truth: Make) -> None:
    boxes = make_boxes([(0, 0)] * 3, sample_token=["f", "g", "f"], class_name=["car", "car", "bus"])
    assert _pairs(boxes, make_truth([(0, 0)])) == {(0, 0)}


def test_height_plays_no_part(make_boxes: Make, make_truth: Make) -> None:
    boxes = make_boxes([(0, 0)], center_m=[[0, 0, 100.0]])
    assert _pairs(boxes, make_truth([(3, 0)])) == {(0, 0)}


def test_nothing_has_no_pairs(make_boxes: Make, make_truth: Make) -> None:
    for boxes, truth in [([], []), ([(0, 0)], []), ([], [(0, 0)])]:
        assert _pairs(make_boxes(boxes), make_truth(truth)) == set()


def test_norms_are_numpys_to_the_last_bit() -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 2))
    assert norms(vectors).tolist() == [np.linalg.norm(vector) for vector in vectors]


def test_errors_are_those_put_in(make_boxes: Make, make_truth: Make) -> None:
    """0.3, 0.4 m off; half as long; turned by 0.2 and a full turn; 3, 4 m/s; wrong attribute."""
    boxes = make_boxes(
        [(0.3, 0.4)], length_m=[2.0], yaw_rad=[0.2 + 2 * np.pi], velocity_mps=[[3.0, 4.0]]
    )
    errors = match_errors(
        boxes, make_truth([(0, 0)], attribute_name=["vehicle.moving"]), ROW, ROW, SYMMETRIC
    )
    found = {name: float(values[0]) for name, values in errors.items()}
    assert found == pytest.approx({"ATE": 0.5, "ASE": 0.5, "AOE": 0.2, "AVE": 5.0, "AAE": 1.0})


def test_rows_pick_the_pairs(make_boxes: Make, make_truth: Make) -> None:
    boxes, truth = make_boxes([(0, 0), (5, 0)]), make_truth([(7, 0), (0, 1), (9, 9)])
    errors = match_errors(boxes, truth, np.array([1, 0]), np.array([0, 1]), SYMMETRIC)
    assert errors["ATE"].tolist() == [2, 1]
    assert len(match_errors(boxes, truth, ROW[:0], ROW[:0], SYMMETRIC)["ASE"]) == 0


@pytest.mark.parametrize(("class_name", "error_rad"), [("car", 3.0), ("barrier", np.pi - 3.0)])
def test_only_a_symmetric_class_has_no_front(
    make_boxes: Make, make_truth: Make, class_name: str, error_rad: float
) -> None:
    boxes = make_boxes([(0, 0)], class_name=[class_name], yaw_rad=[3.0])
    truth = make_truth([(0, 0)], class_name=[class_name])
    assert match_errors(boxes, truth, ROW, ROW, SYMMETRIC)["AOE"][0] == pytest.approx(error_rad)


def test_what_the_truth_does_not_know_is_no_error(make_boxes: Make, make_truth: Make) -> None:
    truth = make_truth([(0, 0)], velocity_mps=[[np.nan, np.nan]], attribute_name=[""])
    errors = match_errors(make_boxes([(0, 0)]), truth, ROW, ROW, SYMMETRIC)
    assert np.isnan(errors["AVE"][0])
    assert np.isnan(errors["AAE"][0])
