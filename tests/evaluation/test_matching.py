from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.evaluation.detection import countable_boxes, evaluate_boxes
from cm3d.evaluation.matching import average_precision, match_class
from cm3d.tables import Boxes3D, Frames, GroundTruth

Make = Callable[..., Any]


def test_the_best_box_takes_the_nearest_and_the_next_best_the_rest(
    make_boxes: Make, make_truth: Make, make_frames: Make
) -> None:
    boxes = make_boxes([(0.9, 0), (0.4, 0), (0.5, 0)], score=[0.9, 0.8, 0.7])
    truth = make_truth([(0, 0), (1, 0)])
    matches = match_class(boxes, truth, make_frames("f"), "car", 1.0)
    assert matches.hit.tolist() == [True, True, False]


def test_of_equal_scores_the_later_goes_first(
    make_boxes: Make, make_truth: Make, make_frames: Make
) -> None:
    boxes = make_boxes([(0.4, 0), (0.1, 0)], score=[0.5, 0.5], sample_token=["f", "g"])
    truth = make_truth([(0, 0)], sample_token=["g"])
    matches = match_class(boxes, truth, make_frames("f", "g"), "car", 1.0)
    assert matches.hit.tolist() == [True, False]
    assert matches.hit_frame.tolist() == [1, 0]


def test_a_match_is_nearer_than_the_distance(
    make_boxes: Make, make_truth: Make, make_frames: Make
) -> None:
    boxes, truth = make_boxes([(2, 0)]), make_truth([(0, 0)])
    assert not match_class(boxes, truth, make_frames("f"), "car", 2.0).hit.any()
    assert match_class(boxes, truth, make_frames("f"), "car", 2.01).hit.all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_average_precision_is_the_devkits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, boxes, truth = _random_split(rng)
    devkits = evaluate_boxes(boxes, truth, frames, Boxes3D.empty()).ap["car"]
    boxes, truth = countable_boxes(boxes, truth, frames, Boxes3D.empty())
    once = np.ones(len(frames))
    for distance_m, expected in devkits.items():
        matches = match_class(boxes, truth, frames, "car", distance_m)
        assert average_precision(matches, once) == pytest.approx(expected, abs=1e-12)


def test_weights_drop_frames(make_boxes: Make, make_truth: Make, make_frames: Make) -> None:
    frames = make_frames("f", "g")
    boxes = make_boxes([(0, 0), (9, 9)], sample_token=["f", "g"], score=[0.5, 0.9])
    truth = make_truth([(0, 0), (0, 0)], sample_token=["f", "g"])
    matches = match_class(boxes, truth, frames, "car", 1.0)
    assert average_precision(matches, np.array([1.0, 0.0])) == pytest.approx(1.0)
    assert average_precision(matches, np.array([0.0, 1.0])) == 0
    assert average_precision(matches, np.array([0.0, 0.0])) == 0


def _random_split(rng: np.random.Generator) -> tuple[Frames, Boxes3D, GroundTruth]:
    tokens = ["a", "b", "c"]
    frames = Frames.from_columns(
        sample_token=tokens,
        scene_name=tokens,
        timestamp_us=range(3),
        split=["val"] * 3,
        location=[""] * 3,
        global_SE3_ego=np.tile([1.0, 0, 0, 0, 0, 0, 0], (3, 1)),
        label_rank=np.ones(3),
    )
    truth = _random_boxes(rng, tokens, int(rng.integers(1, 20)))
    boxes = _random_boxes(rng, tokens, int(rng.integers(0, 40)))
    count = len(truth["score"])
    extra = {
        "instance_token": [str(row) for row in range(count)],
        "num_lidar_points": np.ones(count),
        "num_radar_points": np.ones(count),
        "visibility": np.ones(count),
    }
    return frames, Boxes3D.from_columns(**boxes), GroundTruth.from_columns(**truth, **extra)


def _random_boxes(rng: np.random.Generator, tokens: list[str], count: int) -> dict[str, Any]:
    return {
        "sample_token": rng.choice(tokens, count).tolist(),
        "class_name": ["car"] * count,
        "score": np.round(rng.random(count), 1),
        "center_m": rng.uniform(-4, 4, (count, 3)),
        "length_m": np.ones(count),
        "width_m": np.ones(count),
        "height_m": np.ones(count),
        "yaw_rad": np.zeros(count),
        "velocity_mps": np.zeros((count, 2)),
        "attribute_name": [""] * count,
    }
