from typing import Any

import numpy as np
import pytest

from cm3d.report.judging import at_best_scores, best_and_worst, best_scores, frame_scores

CLASSES = ("car", "bus", "cone", "barrier")


def test_boxes_find_objects_and_know_how_far_off_they_are(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    boxes = make_boxes([[0.5, 0], [10, 0]], yaw_rad=[0.1, 0])
    found = judged(boxes, make_truth([[30, 0], [0, 0]]))
    assert found.truth_of.tolist() == [1, -1]
    assert found.box_of.tolist() == [-1, 0]
    assert found.errors[1] == pytest.approx([0.5, 0.0, 0.1])
    assert np.isnan(found.errors[0]).all()


def test_errors_that_mean_nothing_are_none(make_boxes: Any, make_truth: Any, judged: Any) -> None:
    found = judged(
        make_boxes([[0, 0]], class_name=["cone"], yaw_rad=[1.0]),
        make_truth([[0, 0]], class_name=["cone"]),
    )
    assert np.isnan(found.errors[0]).tolist() == [False, False, True]


def test_each_class_counts_from_its_best_score_on(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    """Cars: F1 2/3, 4/4, 4/5 from scores 0.9, 0.8, 0.3 on. The bus is found by nothing."""
    boxes = make_boxes(
        [[0, 0], [10, 0], [50, 50], [70, 0]],
        score=[0.9, 0.8, 0.3, 0.99],
        class_name=["car", "car", "car", "bus"],
    )
    all_boxes = judged(boxes, make_truth([[10, 0], [0, 0]]))
    assert best_scores(all_boxes, CLASSES).tolist() == [0.8, np.inf, np.inf, np.inf]
    best = at_best_scores(all_boxes, CLASSES)
    assert best.boxes.score.tolist() == [0.9, 0.8]
    assert best.truth_of.tolist() == [1, 0]
    assert best.box_of.tolist() == [1, 0]


def test_equal_scores_count_together(make_boxes: Any, make_truth: Any, judged: Any) -> None:
    boxes = make_boxes([[0, 0], [50, 0], [10, 0]], score=[0.5, 0.5, 0.5])
    assert best_scores(judged(boxes, make_truth([[0, 0]])), CLASSES)[0] == 0.5


def test_objects_lose_boxes_that_are_left_out(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    found = judged(make_boxes([[0, 0], [10, 0]]), make_truth([[0, 0], [10, 0]]))
    rest = found.only(np.array([False, True]))
    assert rest.box_of.tolist() == [-1, 0]
    assert rest.truth_of.tolist() == [1]
    assert np.isnan(rest.errors).all(axis=1).tolist() == [True, False]
    assert found.only(np.zeros(2, dtype=bool)).box_of.tolist() == [-1, -1]


def test_keyframes_are_scored_by_their_own_boxes(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    """a: one right of one box, two objects: 2 / 3; b: a box without an object; c: nothing."""
    found = judged(
        make_boxes([[0, 0], [0, 0]], sample_token=["a", "b"]),
        make_truth([[0, 0], [9, 0]], sample_token=["a", "a"]),
    )
    f1, total = frame_scores(found, ["a", "b", "c"])
    assert f1 == pytest.approx([2 / 3, 0, 0])
    assert total.tolist() == [3, 1, 0]


def test_the_best_and_the_worst_keyframes() -> None:
    f1, total = np.array([0.5, 0.0, 0.9, 0.2, 1.0]), np.array([20, 2, 30, 12, 1])
    best, worst = best_and_worst(f1, total, worst=2)
    assert best.tolist() == [2]
    assert worst.tolist() == [3, 0]  # 1 and 4 have too few boxes
    best, worst = best_and_worst(f1[[1, 4]], total[[1, 4]], worst=10)
    assert (best.tolist(), worst.tolist()) == ([1], [0])
    none = np.empty(0)
    assert [len(rows) for rows in best_and_worst(none, none.astype(int), 10)] == [0, 0]
