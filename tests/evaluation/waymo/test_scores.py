"""Each rule of Waymo's metric by hand, and all of them against the naive reference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pytest import approx

from cm3d.evaluation.waymo.boxes import Predictions, Truths
from cm3d.evaluation.waymo.scores import WaymoScores, score_boxes
from tests.evaluation.waymo.naive import naive_scores

Make = Callable[..., Any]
HALF, MOST = np.array([0.5], np.float32), np.array([0.7], np.float32)
CUBE = [2.0, 2.0, 2.0, 0.0]


def cubes(*x_m: float, y_m: float = 5.0) -> list[list[float]]:
    """Cubes of 2 m in a row."""
    return [[x, y_m, 0.0, *CUBE] for x in x_m]


def of_class(scores: WaymoScores, level: int = 1) -> tuple[float, float]:
    return float(scores.by_class.ap[0, level - 1]), float(scores.by_class.aph[0, level - 1])


def test_all_found(make_predictions: Make, make_truths: Make) -> None:
    boxes = cubes(0, 10, 20)
    scores = score_boxes(make_predictions(boxes, [1, 0.5, 0.1]), make_truths(boxes), HALF)
    assert of_class(scores) == of_class(scores, 2) == approx((1, 1))


def test_half_found_is_half(make_predictions: Make, make_truths: Make) -> None:
    """From the largest recall that is reached to 1 there is nothing."""
    truths = make_truths(cubes(0, 10))
    assert of_class(score_boxes(make_predictions(cubes(0), [1]), truths, HALF)) == approx(
        (0.5, 0.5)
    )


def test_a_false_one_that_scores_less_costs_a_step(
    make_predictions: Make, make_truths: Make
) -> None:
    """Recall is 1/2 at precision 1, then 1 at 2/3; the point at 0.95 has 2/3, that at 0.5 has 1.

    From 1 down to 0.55 points have 2/3; one step of 0.05, from 0.55 to 0.5, is a slope.
    """
    predictions = make_predictions(cubes(0, 30, 10), [0.9, 0.5, 0.4])
    expected = 0.5 + 0.45 * 2 / 3 + 0.05 * (1 + 2 / 3) / 2
    scores = score_boxes(predictions, make_truths(cubes(0, 10)), HALF)
    assert_allclose(of_class(scores)[0], expected, atol=1e-6)


def test_the_precision_beside_recall_0_is_taken_there(
    make_predictions: Make, make_truths: Make
) -> None:
    """Nothing is found above score 0.5: that precision counts as 1, and is then replaced."""
    predictions = make_predictions(cubes(30, 0), [0.9, 0.5])
    scores = score_boxes(predictions, make_truths(cubes(0)), HALF)
    assert scores.by_class.precision[0, 0, 80] == 1
    assert scores.by_class.recall[0, 0, 80] == 0
    assert_allclose(of_class(scores)[0], 0.5, atol=1e-6)


def test_no_prediction_at_a_cutoff_has_precision_1(
    make_predictions: Make, make_truths: Make
) -> None:
    scores = score_boxes(make_predictions(cubes(0), [0.5]), make_truths(cubes(0)), HALF)
    assert scores.by_class.precision[0, 0].tolist() == [1] * 101
    assert scores.by_class.recall[0, 0].tolist() == [1] * 51 + [0] * 50


def test_nothing_scores_0(make_predictions: Make, make_truths: Make) -> None:
    some, none = cubes(0), np.empty((0, 7))
    for predicted, true in ((some, none), (none, some), (none, none)):
        scores = make_predictions(predicted, [1] * len(predicted))
        assert of_class(score_boxes(scores, make_truths(true), HALF)) == (0, 0)


@pytest.mark.parametrize(
    ("shift_m", "least", "hits"),
    [(0.35, MOST, 1), (0.36, MOST, 0), (0.66, HALF, 1), (0.67, HALF, 0)],
)
def test_least_overlap(
    shift_m: float, least: Any, hits: int, make_predictions: Make, make_truths: Make
) -> None:
    """A shift by s leaves (2 - s) / (2 + s)."""
    scores = score_boxes(make_predictions(cubes(shift_m), [1]), make_truths(cubes(0)), least)
    assert scores.by_class.counts.found[0, 0] == hits


def test_an_overlap_of_exactly_the_least_is_enough(
    make_predictions: Make, make_truths: Make
) -> None:
    wide = [[0.0, 1.0, 0.0, 4.0, 2.0, 2.0, 0.0]]
    truth = [[1.0, 1.0, 0.0, 2.0, 2.0, 2.0, 0.0]]  # half of it, its centre upon a side
    scores = score_boxes(make_predictions(wide, [1]), make_truths(truth), HALF)
    assert scores.by_class.counts.found[0, 0] == 1


def test_the_threshold_is_that_of_the_class_and_classes_do_not_match(
    make_predictions: Make, make_truths: Make
) -> None:
    truths = make_truths(cubes(0, 10, 20), kind=[0, 1, 0])
    predictions = make_predictions(cubes(0.5, 10.5, 20), [1, 1, 1], kind=[0, 1, 1])
    scores = score_boxes(predictions, truths, np.array([0.7, 0.5], np.float32)).by_class.counts
    assert scores.found[:, 0].tolist() == [0, 1]
    assert scores.false[:, 0].tolist() == [1, 1]
    assert scores.missed[:, 0, 0].tolist() == [2, 0]


def test_frames_do_not_match(make_predictions: Make, make_truths: Make) -> None:
    predictions = make_predictions(cubes(0), [1], frame=[1])
    counts = score_boxes(predictions, make_truths(cubes(0), frame=[0]), HALF).by_class.counts
    assert (counts.found[0, 0], counts.false[0, 0], counts.missed[0, 0, 0]) == (0, 1, 1)


def test_a_hard_box_is_found_at_both_levels_and_missed_at_the_second(
    make_predictions: Make, make_truths: Make
) -> None:
    truths = make_truths(cubes(0, 10, 20), level=[1, 2, 2])
    counts = score_boxes(make_predictions(cubes(0, 10), [1, 1]), truths, HALF).by_class.counts
    assert counts.found[0, 0] == 2
    assert counts.missed[0, :, 0].tolist() == [0, 1]
    assert counts.truths[0].tolist() == [1, 3]


def test_in_a_zone_without_labels_only_what_matches_counts(
    make_predictions: Make, make_truths: Make
) -> None:
    predictions = make_predictions(cubes(0, 10, 20), [1, 1, 1], is_excused=[True, True, False])
    counts = score_boxes(predictions, make_truths(cubes(0)), HALF).by_class.counts
    assert (counts.found[0, 0], counts.false[0, 0]) == (1, 1)


def test_the_sum_of_overlaps_decides_not_the_score(
    make_predictions: Make, make_truths: Make
) -> None:
    """The better box takes the truth over from the higher score as soon as it takes part."""
    boxes = [[*cubes(0.4)[0][:6], np.pi], cubes(0.1)[0]]
    scores = score_boxes(make_predictions(boxes, [0.9, 0.3]), make_truths(cubes(0)), HALF)
    counts = scores.by_class.counts
    assert counts.found[0].tolist() == [1] * 91 + [0] * 10
    assert counts.false[0].tolist() == [1] * 31 + [0] * 70
    assert_allclose(counts.heading[0], [1] * 31 + [0] * 70, atol=1e-6)


def test_of_equal_boxes_the_first_matches(make_predictions: Make, make_truths: Make) -> None:
    boxes = [cubes(0)[0], [*cubes(0)[0][:6], np.pi]]
    scores = score_boxes(make_predictions(boxes, [0.3, 0.9]), make_truths(cubes(0)), HALF)
    assert_allclose(scores.by_class.counts.heading[0], [1] * 31 + [0] * 70, atol=1e-6)


def test_boxes_are_shared_out_as_a_whole(make_predictions: Make, make_truths: Make) -> None:
    """Two boxes overlap; one prediction fits both, and best the one that the other needs."""
    truths = make_truths(cubes(0, 0.5))
    predictions = make_predictions(cubes(0.4, 0.7), [0.9, 0.5])
    counts = score_boxes(predictions, truths, HALF).by_class.counts
    assert counts.found[0].tolist() == [2] * 51 + [1] * 40 + [0] * 10
    assert counts.false[0].tolist() == [0] * 101


@pytest.mark.parametrize(
    ("turn", "worth"), [(0, 1), (np.pi / 2, 0.5), (np.pi, 0), (-np.pi / 2, 0.5), (1.5 * np.pi, 0.5)]
)
def test_heading(turn: float, worth: float, make_predictions: Make, make_truths: Make) -> None:
    box = [*cubes(0)[0][:6], 3 + turn]
    truths = make_truths([[*cubes(0)[0][:6], 3]])
    scores = score_boxes(make_predictions([box], [1]), truths, HALF)
    assert of_class(scores)[0] == approx(1)
    assert_allclose(of_class(scores)[1], worth, atol=1e-6)


def test_scores_and_cutoffs_are_in_single_precision(
    make_predictions: Make, make_truths: Make
) -> None:
    """0.29 in single precision reaches the cutoff 0.29, which in double would be the lesser."""
    below = float(np.nextafter(np.float32(0.29), np.float32(0)))
    for score, cutoffs in ((0.29, 30), (0.29 - 1e-12, 30), (below, 29), (1.0, 101), (0.999, 100)):
        scores = score_boxes(make_predictions(cubes(0), [score]), make_truths(cubes(0)), HALF)
        assert scores.by_class.counts.found[0].sum() == cutoffs, score


def test_range_is_of_the_centre_in_three_dimensions(
    make_predictions: Make, make_truths: Make
) -> None:
    """At 29.9 m along the ground, the first is beyond 30 m by its height; and 50 m are far."""
    boxes = [[29.9, 0, 3.0, *CUBE], [0, 50.0, 0, *CUBE], [0, 30.0, 0, *CUBE], [1, 1, 0, *CUBE]]
    scores = score_boxes(make_predictions(boxes, [1] * 4), make_truths(boxes), HALF)
    assert scores.by_range.counts.truths[:, 1].tolist() == [1, 2, 1]
    assert scores.by_range.ap[:, 1].tolist() == approx([1, 1, 1])


def test_a_pair_astride_a_bound_is_wrong_by_range_and_right_by_class(
    make_predictions: Make, make_truths: Make
) -> None:
    predictions, truths = make_predictions(cubes(29.9, y_m=0), [1]), make_truths(cubes(30.1, y_m=0))
    scores = score_boxes(predictions, truths, HALF)
    assert scores.by_class.counts.found[0, 0] == 1
    assert scores.by_range.counts.false[:, 0].tolist() == [1, 0, 0]
    assert scores.by_range.counts.missed[:, 0, 0].tolist() == [0, 1, 0]


def test_flat_and_huge_boxes_overlap_nothing(make_predictions: Make, make_truths: Make) -> None:
    for side in (0.01, 1e6):
        boxes = [[0, 0, 0, side, side, side, 0]]
        scores = score_boxes(make_predictions(boxes, [1]), make_truths(boxes), HALF)
        assert scores.by_class.counts.found[0, 0] == 0


def crowd(rng: np.random.Generator, most: int) -> tuple[list[Any], dict[str, Any]]:
    """Boxes near few places, so that they overlap, some astride 30 m."""
    count = int(rng.integers(0, most))
    places = np.array([[0, 0, 0], [0.6, 0, 0], [29.5, 3, 1], [30, 40, 0.5]])
    center_m = places[rng.integers(0, 4, count)] + rng.normal(0, 0.35, (count, 3))
    size_m = rng.choice([2.0, 2.2, 3.0], (count, 3))
    yaw_rad = rng.choice([0, np.pi, 0.2, -3.1, 4], count)
    columns = {"frame": rng.integers(0, 3, count), "kind": rng.integers(0, 2, count)}
    return np.column_stack([center_m, size_m, yaw_rad]).tolist(), columns


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_as_the_naive_reference(make_predictions: Make, make_truths: Make, seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes, columns = crowd(rng, 30)
    score = np.round(rng.uniform(0, 1, len(boxes)), 2)
    excused = rng.random(len(boxes)) < 0.2
    predictions: Predictions = make_predictions(boxes, score, is_excused=excused, **columns)
    boxes, columns = crowd(rng, 20)
    truths: Truths = make_truths(boxes, level=rng.integers(1, 3, len(boxes)), **columns)
    scores = score_boxes(predictions, truths, np.array([0.7, 0.5], np.float32))
    for (name, shard, level), expected in naive_scores(
        predictions, score, truths, [0.7, 0.5]
    ).items():
        ours = scores.by_class if name == "class" else scores.by_range
        found = (ours.ap[shard, level - 1], ours.aph[shard, level - 1])
        assert_allclose(found, expected, atol=1e-6, err_msg=f"{name} {shard} {level}")
