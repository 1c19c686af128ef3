from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.filtering import (
    check_boxes,
    frame_rows,
    group_by_frame,
    in_range,
    keep_best,
    observed,
    outside_racks,
)
from tests.evaluation.known import ATTRIBUTE_NAMES, CLASS_NAMES

Make = Callable[..., Any]
CYCLES = ("bicycle", "motorcycle", "object")


def test_frame_rows_are_positions_or_minus_one(make_frames: Make) -> None:
    tokens = np.array(["b", "x", "a", "b"], dtype=object)
    np.testing.assert_array_equal(frame_rows(tokens, make_frames("a", "b")), [1, -1, 0, 1])


def test_grouping_drops_other_frames_and_keeps_the_order_within(
    make_boxes: Make, make_frames: Make
) -> None:
    boxes = make_boxes([(i, 0) for i in range(5)], sample_token=["b", "a", "x", "b", "a"])
    grouped = group_by_frame(boxes, make_frames("a", "b"))
    assert grouped.sample_token.tolist() == ["a", "a", "b", "b"]
    assert grouped.center_m[:, 0].tolist() == [1, 4, 0, 3]


def test_the_best_boxes_of_each_frame_stay_in_their_order(make_boxes: Make) -> None:
    boxes = make_boxes(
        [(i, 0) for i in range(6)],
        sample_token=["a", "b", "a", "a", "b", "a"],
        score=[0.1, 0.1, 0.9, 0.5, 0.2, 0.5],
    )
    assert keep_best(boxes, 2).center_m[:, 0].tolist() == [1, 2, 3, 4]
    assert len(keep_best(boxes, 500)) == 6
    assert len(keep_best(boxes[:0])) == 0


def test_range_is_measured_in_xy_from_the_ego_vehicle(make_boxes: Make, make_frames: Make) -> None:
    frames = make_frames("f")
    frames.global_SE3_ego[0, 4:] = [100, 200, 50]
    boxes = make_boxes([(103, 204), (103.1, 204), (96, 197)])
    kept = in_range(boxes, frames, {"car": 5.01})
    assert kept.center_m[:, 0].tolist() == [103, 96]
    assert len(in_range(boxes, frames, {"car": 5.0})) == 0


def test_range_is_that_of_the_class(make_boxes: Make, make_frames: Make) -> None:
    boxes = make_boxes([(35, 0), (35, 0)], class_name=["car", "barrier"])
    kept = in_range(boxes, make_frames("f"), {"car": 50, "barrier": 30})
    assert kept.class_name.tolist() == ["car"]


def test_a_class_without_range_is_dropped(make_boxes: Make, make_frames: Make) -> None:
    boxes = make_boxes([(0, 0), (1, 0)], class_name=["barrier", "car"])
    assert in_range(boxes, make_frames("f"), {"car": 50}).class_name.tolist() == ["car"]


def test_a_radar_return_is_as_good_as_a_lidar_return(make_truth: Make) -> None:
    truth = make_truth(
        [(0, 0), (1, 0), (2, 0)], num_lidar_points=[0, 1, 0], num_radar_points=[0, 0, 1]
    )
    assert observed(truth).center_m[:, 0].tolist() == [1, 2]


def test_cycles_and_unknown_objects_in_racks_are_dropped(make_boxes: Make) -> None:
    racks = make_boxes([(10, 0)], class_name=["bicycle_rack"], yaw_rad=[np.pi / 2])
    names = ["bicycle", "motorcycle", "object", "car", "bicycle", "bicycle"]
    boxes = make_boxes(
        [(10, 0), (10, 0), (10, 0), (10, 0), (11.5, 0), (10, 0)],
        class_name=names,
        sample_token=["f"] * 5 + ["g"],
    )
    kept = outside_racks(boxes, racks, CYCLES)
    assert kept.class_name.tolist() == ["car", "bicycle", "bicycle"]
    assert kept.sample_token.tolist() == ["f", "f", "g"]
    assert len(outside_racks(boxes, racks[:0], CYCLES)) == 6


def test_good_boxes_and_no_boxes_pass(make_boxes: Make) -> None:
    check_boxes(
        make_boxes([(0, 0)], velocity_mps=[[np.nan, np.nan]], attribute_name=[""]),
        CLASS_NAMES,
        ATTRIBUTE_NAMES,
    )
    check_boxes(make_boxes([]), CLASS_NAMES, ATTRIBUTE_NAMES)


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("class_name", "van", "the class is none of car, truck"),
        ("class_name", "object", "the class is none of car, truck"),
        ("attribute_name", "flying", "the attribute is unknown"),
        ("score", np.nan, "the score is not finite"),
        ("score", -0.1, "the score is negative"),
        ("yaw_rad", np.inf, "the pose is not finite"),
        ("center_m", [0, np.nan, 0], "the pose is not finite"),
        ("length_m", 0.0, "not all positive"),
        ("width_m", -1.0, "not all positive"),
        ("height_m", np.nan, "not all positive"),
    ],
)
def test_a_broken_box_is_named(make_boxes: Make, column: str, value: Any, fault: str) -> None:
    boxes = make_boxes([(0, 0), (1, 1)], sample_token=["f", "g"])
    values = getattr(boxes, column).copy()
    values[1] = value
    with pytest.raises(InputError, match=f"labels: box 1, of frame g: .*{fault}"):
        check_boxes(boxes.replace(**{column: values}), CLASS_NAMES, ATTRIBUTE_NAMES, "labels")
