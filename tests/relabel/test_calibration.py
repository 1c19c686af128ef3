from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.relabel.calibration import (
    agreement,
    curves_by_class,
    fit_curves,
    found_shares,
    probabilities,
)
from cm3d.tables import Boxes3D


def naive_fit(score: NDArrayFloat, target: NDArrayFloat, prior: NDArrayFloat) -> NDArrayFloat:
    """One curve by a minimiser that knows no gradient."""

    def cost(curve: NDArrayFloat) -> float:
        total = 2.0 * (curve[0] - prior[0]) ** 2 + 0.5 * (curve[1] - prior[1]) ** 2
        for s, t in zip(score, target, strict=True):
            z = max(curve[0], 0.0) * logit(s) + curve[1]
            total += np.logaddexp(0.0, z) - t * z
        return float(total)

    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}
    return minimize(cost, prior, method="Nelder-Mead", options=options).x


def drawn(seed: int, rows: int) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Scores, and what is right with a probability of sigmoid(2 logit + 1)."""
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.05, 0.95, rows)
    return score, (rng.uniform(size=rows) < expit(2 * logit(score) + 1)).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_curves_are_those_of_a_naive_fit(seed: int) -> None:
    score, target = drawn(seed, 40)
    target[::3] *= 1.2  # quotients of `agreement` may exceed 1
    group = np.arange(40) % 3
    prior = np.array([[1.0, 0.0], [0.5, -1.0], [2.0, 1.0], [1.5, 0.25]])
    curves = fit_curves(score, target, group, 4, prior)
    for number in range(3):
        own = group == number
        expected = naive_fit(score[own], target[own], prior[number])
        np.testing.assert_allclose(curves[number], expected, atol=1e-5)
    np.testing.assert_array_equal(curves[3], prior[3])  # no box is of this group


def test_many_boxes_tell_the_truth_and_wrong_scores_never_turn_round() -> None:
    score, target = drawn(0, 100_000)
    (curve,) = fit_curves(score, target, np.zeros(100_000, dtype=int), 1, np.array([1.0, 0.0]))
    np.testing.assert_allclose(curve, [2, 1], atol=0.05)
    (curve,) = fit_curves(score, 1 - target, np.zeros(100_000, dtype=int), 1, np.array([1.0, 0.0]))
    assert curve[0] == 0
    np.testing.assert_allclose(expit(curve[1]), 1 - target.mean(), atol=1e-4)


def test_classes_lean_on_all_and_ranges_differ() -> None:
    score, target = drawn(1, 20_000)
    far = np.arange(20_000) % 2
    target[far == 1] = 0.25
    classes = np.zeros(20_000, dtype=int)
    curves = curves_by_class(score, target, classes, far, 2)
    np.testing.assert_allclose(curves[1], curves[0], atol=0.02)  # it has no box
    told = probabilities(np.array([0.1, 0.9]), np.array([0, 1]), np.array([1, 1]), curves)
    np.testing.assert_allclose(told, 0.25, atol=0.02)
    near = probabilities(np.array([0.5]), np.array([0]), np.array([0]), curves)
    np.testing.assert_allclose(near, expit(1), atol=0.03)


def test_no_boxes_at_all() -> None:
    nothing, none = np.empty(0), np.empty(0, dtype=int)
    curves = curves_by_class(nothing, nothing, none, none, 2)
    np.testing.assert_array_equal(curves, np.tile([1.0, 0.0], (2, 2, 1)))


def test_shares_that_were_found() -> None:
    # 9 of 10 cars, 1 of 5 trucks, no bus; pooled 10 of 15
    found = np.array([True] * 9 + [False] + [True] + [False] * 4)
    classes = np.array([0] * 10 + [1] * 5)
    shares = found_shares(found, np.ones(15), classes, 3)
    prior = 5 * 10 / 15
    np.testing.assert_allclose(shares, [(9 + prior) / 15, (1 + prior) / 10, 10 / 15])
    halves = found_shares(found, np.full(15, 0.5), classes, 3)
    np.testing.assert_allclose(halves, [(4.5 + prior) / 10, (0.5 + prior) / 7.5, 10 / 15])


def test_no_share_is_none_or_all() -> None:
    for found, expected in ((True, 0.95), (False, 0.2)):
        shares = found_shares(np.full(9, found), np.ones(9), np.zeros(9, dtype=int), 1)
        assert shares.tolist() == [expected]
    nothing = np.empty(0)
    assert (
        found_shares(nothing.astype(bool), nothing, nothing.astype(int), 2).tolist() == [0.95] * 2
    )


def test_agreement_is_what_the_label_says_over_recall(make_boxes: Callable[..., Boxes3D]) -> None:
    old = make_boxes((0, 0), (10, 0), score=[0.3, 0.9])
    new = make_boxes((0.5, 0), (10, 1), (30, 0))
    told = agreement(new, old, np.array([0.6, 0.5, 0.5]), 2.0)
    np.testing.assert_allclose(told, [0.5, 1.8, 0.0])
    assert agreement(new, old[[]], np.full(3, 0.5), 2.0).tolist() == [0, 0, 0]


def test_agreement_is_right_on_average() -> None:
    """Of labels that miss two objects in five, and lie as often as they say."""
    rng = np.random.default_rng(0)
    rows = 20_000
    right = rng.uniform(size=rows) < 0.3  # boxes of a model, each in a keyframe of its own
    score = rng.choice([0.2, 0.7], rows)
    labelled = right & (rng.uniform(size=rows) < 0.6)
    # for a label of probability p to be right so often, there are false ones too
    lies = ~right & (rng.uniform(size=rows) < 0.6 * 0.3 / 0.7 * (1 - score) / score)
    tokens = np.array([f"f{row}" for row in range(rows)], dtype=object)
    boxes = Boxes3D.from_columns(
        sample_token=tokens,
        class_name=["car"] * rows,
        score=score,
        center_m=np.zeros((rows, 3)),
        length_m=np.ones(rows),
        width_m=np.ones(rows),
        height_m=np.ones(rows),
        yaw_rad=np.zeros(rows),
        velocity_mps=np.zeros((rows, 2)),
        attribute_name=[""] * rows,
    )
    told = agreement(boxes, boxes[labelled | lies], np.full(rows, 0.6), 2.0)
    assert told.mean() == pytest.approx(right.mean(), abs=0.03)
