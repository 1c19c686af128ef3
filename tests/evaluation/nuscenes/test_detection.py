from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.curves import RECALL
from cm3d.evaluation.nuscenes.detection import evaluate_boxes
from cm3d.tables import Boxes3D
from tests.evaluation.known import CLASS_NAMES, TAXONOMY

Make = Callable[..., Any]
NO_RACKS = Boxes3D.empty()
GRID_XY_M = [(10 * x, 10 * y) for x in range(-1, 2) for y in range(-1, 2)]


def test_ground_truth_against_itself_is_perfect_in_its_classes(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    xy_m = [(2 * i, 5) for i in range(10)]
    names = {"class_name": list(CLASS_NAMES)}
    truth, boxes = make_truth(xy_m, **names), make_boxes(xy_m, **names)
    scores = evaluate_boxes(boxes, truth, make_frames("f"), NO_RACKS, TAXONOMY)
    assert scores.mean_ap == pytest.approx(1.0)
    assert scores.nds == pytest.approx(1.0)
    assert scores.class_ap == pytest.approx(dict.fromkeys(CLASS_NAMES, 1.0))
    assert scores.mean_errors == pytest.approx(dict.fromkeys(scores.mean_errors, 0.0))


def test_one_class_of_ten_found_is_a_tenth(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    scores = evaluate_boxes(
        make_boxes(GRID_XY_M), make_truth(GRID_XY_M), make_frames("f"), NO_RACKS, TAXONOMY
    )
    assert scores.mean_ap == pytest.approx(0.1)
    assert scores.class_ap["car"] == pytest.approx(1.0)
    assert scores.class_ap["bus"] == 0


def test_errors_are_those_put_in(make_truth: Make, make_boxes: Make, make_frames: Make) -> None:
    """Offset 0.3, 0.4 (0.5 m); half the volume; turned by 0.2; 3, 4 m/s too fast; parked."""
    boxes = make_boxes(
        np.array(GRID_XY_M) + np.array([0.3, 0.4]),
        length_m=np.full(9, 2.0),
        yaw_rad=np.full(9, 0.2),
        velocity_mps=np.full((9, 2), [3.0, 4.0]),
    )
    truth = make_truth(GRID_XY_M, attribute_name=["vehicle.moving"] * 9)
    errors = evaluate_boxes(boxes, truth, make_frames("f"), NO_RACKS, TAXONOMY).errors["car"]
    assert errors == pytest.approx({"ATE": 0.5, "ASE": 0.5, "AOE": 0.2, "AVE": 5.0, "AAE": 1.0})


def test_an_offset_counts_only_beyond_it(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    boxes = make_boxes(np.array(GRID_XY_M) + np.array([1.5, 0]))
    scores = evaluate_boxes(boxes, make_truth(GRID_XY_M), make_frames("f"), NO_RACKS, TAXONOMY)
    assert scores.ap["car"] == pytest.approx({0.5: 0, 1.0: 0, 2.0: 1, 4.0: 1})


def test_precision_at_2m_counts_false_positives(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """Nine hits, above them nine misses: precision climbs to 9 / 18 at full recall."""
    boxes = Boxes3D.concatenate(
        [make_boxes(np.array(GRID_XY_M) + 5), make_boxes(GRID_XY_M, score=np.full(9, 0.5))]
    )
    scores = evaluate_boxes(boxes, make_truth(GRID_XY_M), make_frames("f"), NO_RACKS, TAXONOMY)
    assert scores.precision["car"][-1] == pytest.approx(0.5)
    assert len(scores.precision["car"]) == len(RECALL) == 101


def test_classes_without_an_error_have_none(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    scores = evaluate_boxes(make_boxes([]), make_truth([]), make_frames("f"), NO_RACKS, TAXONOMY)
    lacking = {
        name: [e for e, v in by.items() if np.isnan(v)] for name, by in scores.errors.items()
    }
    assert lacking["traffic_cone"] == ["AOE", "AVE", "AAE"]
    assert lacking["barrier"] == ["AVE", "AAE"]
    assert lacking["car"] == []


@pytest.mark.parametrize("frames", [("f",), ()])
def test_nothing_scores_nothing(
    make_truth: Make, make_boxes: Make, make_frames: Make, frames: tuple[str, ...]
) -> None:
    boxes, truth = make_boxes([]), make_truth(GRID_XY_M)
    scores = evaluate_boxes(boxes, truth, make_frames(*frames), NO_RACKS, TAXONOMY)
    assert (scores.mean_ap, scores.nds) == (0, 0)


def test_other_frames_play_no_part(make_truth: Make, make_boxes: Make, make_frames: Make) -> None:
    elsewhere = {"sample_token": ["other"] * 9}
    boxes = Boxes3D.concatenate([make_boxes(GRID_XY_M), make_boxes(GRID_XY_M, **elsewhere)])
    truth = make_truth(GRID_XY_M)
    truth = truth.concatenate([truth, make_truth(np.array(GRID_XY_M) + 5, **elsewhere)])
    scores = evaluate_boxes(boxes, truth, make_frames("f"), NO_RACKS, TAXONOMY)
    assert scores.class_ap["car"] == pytest.approx(1.0)


def test_frames_without_boxes_count(make_truth: Make, make_boxes: Make, make_frames: Make) -> None:
    truth = make_truth(GRID_XY_M * 2, sample_token=["f"] * 9 + ["g"] * 9)
    scores = evaluate_boxes(make_boxes(GRID_XY_M), truth, make_frames("f", "g"), NO_RACKS, TAXONOMY)
    assert scores.class_ap["car"] == pytest.approx(40 / 90)


def test_unknown_velocities_count_as_zero_as_in_a_result_file(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    boxes = make_boxes(GRID_XY_M, velocity_mps=np.full((9, 2), np.nan))
    truth = make_truth(GRID_XY_M, velocity_mps=np.full((9, 2), [3.0, 4.0]))
    scores = evaluate_boxes(boxes, truth, make_frames("f"), NO_RACKS, TAXONOMY)
    assert scores.errors["car"]["AVE"] == pytest.approx(5.0)


def test_only_the_best_500_of_a_frame_count(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    boxes = Boxes3D.concatenate(
        [make_boxes([(40, 0)] * 500), make_boxes(GRID_XY_M, score=np.full(9, 0.5))]
    )
    scores = evaluate_boxes(boxes, make_truth(GRID_XY_M), make_frames("f"), NO_RACKS, TAXONOMY)
    assert scores.mean_ap == 0


def test_boxes_without_class_are_refused(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    boxes = make_boxes([(0, 0)], class_name=["object"])
    with pytest.raises(InputError, match="the class is none of"):
        evaluate_boxes(boxes, make_truth([]), make_frames("f"), NO_RACKS, TAXONOMY)
