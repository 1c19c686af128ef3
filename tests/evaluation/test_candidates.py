from collections.abc import Callable
from typing import Any

import numpy as np

from cm3d.evaluation.candidates import candidate_pairs, norms

Make = Callable[..., Any]


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
