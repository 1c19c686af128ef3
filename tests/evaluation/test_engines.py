"""The fast engine against nuscenes-devkit, on tables; test_parity.py starts from files."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.evaluation.agnostic import PROTOCOLS, AgnosticProtocol, evaluate_class_agnostic
from cm3d.evaluation.detection import evaluate_boxes
from cm3d.evaluation.devkit import detection_config
from cm3d.evaluation.scores import ERROR_DISTANCE_M, DetectionScores
from cm3d.tables import Boxes3D, GroundTruth
from cm3d.tables.vocabulary import CLASS_NAMES

Make = Callable[..., Any]
Compare = Callable[[DetectionScores, DetectionScores], None]
NO_RACKS = Boxes3D.empty()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([3, 30, 80]))
def test_engines_agree_on_random_submissions(
    seed: int, most: int, random_split: Make, assert_same_scores: Compare
) -> None:
    split = random_split(seed, most)
    assert_same_scores(evaluate_boxes(*split), evaluate_boxes(*split, engine="devkit"))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("seed", range(3))
def test_engines_agree_without_classes(
    protocol: AgnosticProtocol, seed: int, random_split: Make
) -> None:
    split = random_split(seed, 80)
    ours = evaluate_class_agnostic(*split, protocol)
    theirs = evaluate_class_agnostic(*split, protocol, engine="devkit")
    assert ours.ap == pytest.approx(theirs.ap, abs=1e-9)
    assert ours.errors == pytest.approx(theirs.errors, abs=1e-9)
    assert ours.nds == pytest.approx(theirs.nds, abs=1e-9)
    np.testing.assert_allclose(ours.precision, theirs.precision, atol=1e-9)


def test_random_submissions_are_worth_comparing(random_split: Make) -> None:
    """Matches, misses, equal scores among matches and unknown velocities all occur."""
    predictions, truth, frames, racks = random_split(0, 80)
    scores = evaluate_boxes(predictions, truth, frames, racks)
    assert 0.01 < scores.mean_ap < 0.9
    assert len(np.unique(predictions.score)) < len(predictions) / 4
    assert np.isnan(truth.velocity_mps).any()
    assert (truth.attribute_name == "").any()
    assert not set(frames.sample_token) <= set(truth.sample_token)


@pytest.mark.parametrize("scores", [[0.0] * 9, [0.5] * 9, np.linspace(0, 1, 9)])
@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_engines_agree_on_every_class_and_on_scores_of_zero(
    make_truth: Make,
    make_boxes: Make,
    make_frames: Make,
    assert_same_scores: Compare,
    scores: Any,
    class_name: str,
) -> None:
    xy_m = np.array([(3 * i, 5) for i in range(9)], dtype=float)
    truth = make_truth(xy_m, class_name=[class_name] * 9, velocity_mps=np.full((9, 2), np.nan))
    boxes = make_boxes(
        xy_m + 0.3, class_name=[class_name] * 9, score=scores, yaw_rad=np.linspace(-9, 9, 9)
    )
    split = (boxes, truth, make_frames("f"), NO_RACKS)
    assert_same_scores(evaluate_boxes(*split), evaluate_boxes(*split, engine="devkit"))


def test_a_tie_in_distance_is_broken_as_the_devkit_does(
    make_truth: Make, make_boxes: Make, make_frames: Make, assert_same_scores: Compare
) -> None:
    """Offsets (a, b) and (b, a): rounded with fused multiply-add, one may be the longer."""
    tokens = [f"f{index}" for index in range(80)]
    offset_m = np.random.default_rng(0).uniform(0.1, 1, (80, 2))
    both = [
        make_truth(xy_m, sample_token=tokens, yaw_rad=np.full(80, yaw_rad))
        for xy_m, yaw_rad in ((offset_m, 0.0), (offset_m[:, ::-1], 1.0))
    ]
    boxes = make_boxes(np.zeros((80, 2)), sample_token=tokens, score=np.linspace(1, 0.5, 80))
    split = (boxes, GroundTruth.concatenate(both), make_frames(*tokens), NO_RACKS)
    assert_same_scores(evaluate_boxes(*split), evaluate_boxes(*split, engine="devkit"))


def test_the_rules_are_those_of_the_challenge() -> None:
    config = detection_config()
    assert config.dist_th_tp == ERROR_DISTANCE_M
    assert (config.min_recall, config.min_precision, config.mean_ap_weight) == (0.1, 0.1, 5)
    assert set(config.class_names) == set(CLASS_NAMES)
