from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.evaluation.validation import check_boxes

Make = Callable[..., Any]


def test_good_boxes_and_no_boxes_pass(make_boxes: Make) -> None:
    check_boxes(make_boxes([(0, 0)], velocity_mps=[[np.nan, np.nan]], attribute_name=[""]))
    check_boxes(make_boxes([]))


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
        check_boxes(boxes.replace(**{column: values}), source="labels")
