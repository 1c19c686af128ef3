from typing import Any

import numpy as np
import pytest

from cm3d.report.failures import (
    EXPLAINED,
    FAILURES,
    OF_BOXES,
    OF_OBJECTS,
    counted,
    kinds,
)


def named(judged: Any, seen: list[bool] | None = None) -> tuple[list[str], list[str]]:
    of_objects, of_boxes = kinds(judged, None if seen is None else np.array(seen))
    return [OF_OBJECTS[kind] for kind in of_objects], [OF_BOXES[kind] for kind in of_boxes]


@pytest.mark.parametrize(
    ("yaw_rad", "class_name", "kind"),
    [
        (0.5, "car", "right"),
        (0.55, "car", "wrong axis"),  # 31.5 degrees
        (np.pi / 2, "car", "wrong axis"),
        (np.pi - 0.5, "car", "reversed"),
        (np.pi, "car", "reversed"),
        (np.pi, "barrier", "right"),  # half a turn leaves it the same
        (np.pi / 2, "barrier", "wrong axis"),
        (np.pi, "cone", "right"),  # it has no heading
    ],
)
def test_what_is_wrong_with_a_heading(
    make_boxes: Any, make_truth: Any, judged: Any, yaw_rad: float, class_name: str, kind: str
) -> None:
    boxes = make_boxes([[0, 0]], yaw_rad=[yaw_rad], class_name=[class_name])
    found = judged(boxes, make_truth([[0, 0]], class_name=[class_name]))
    assert named(found) == ([kind], ["counted"])


@pytest.mark.parametrize(("length_m", "kind"), [(8.5, "wrong size"), (7.5, "right")])
def test_a_box_twice_as_long_is_of_the_wrong_size(
    make_boxes: Any, make_truth: Any, judged: Any, length_m: float, kind: str
) -> None:
    """Laid into each other, 4 m in 8.5 m overlap by 0.47, in 7.5 m by 0.53."""
    found = judged(make_boxes([[0, 0]], length_m=[length_m]), make_truth([[0, 0]]))
    assert named(found)[0] == [kind]


def test_what_is_near_an_object_that_was_not_found(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    """A bus box on a car; a car box 3 m beside a car; one 5 m beside another: far, a phantom."""
    boxes = make_boxes([[1, 0], [50, 3], [80, 5]], class_name=["bus", "car", "car"])
    found = judged(boxes, make_truth([[0, 0], [50, 0], [80, 0]]))
    assert named(found) == (
        ["wrong class", "misplaced", "missed"],
        ["counted", "counted", "phantom"],
    )


def test_a_second_box_on_an_object_is_a_duplicate(
    make_boxes: Any, make_truth: Any, judged: Any
) -> None:
    """Within 2 m, or with its middle in the object: of a bus of 12 m, 5 m before its centre."""
    boxes = make_boxes([[0, 0], [5, 0], [5, 3]], score=[0.9, 0.8, 0.7], class_name=["bus"] * 3)
    truth = make_truth([[0, 0]], class_name=["bus"], length_m=[12.0], width_m=[3.0])
    assert named(judged(boxes, truth))[1] == ["counted", "duplicate", "phantom"]


def test_why_nothing_is_near_an_object(make_boxes: Any, make_truth: Any, judged: Any) -> None:
    truth = make_truth([[0, 0], [20, 0], [40, 0], [60, 0]], num_lidar_points=[3, 4, 5, -1])
    nothing = judged(make_boxes([]), truth)
    assert named(nothing, [False, True, True, True])[0] == [
        "missed in 2D",
        "too few points",
        "missed",
        "missed",  # nobody has counted its points
    ]
    assert "missed in 2D" not in named(nothing)[0]


def test_frames_are_kept_apart(make_boxes: Any, make_truth: Any, judged: Any) -> None:
    boxes = make_boxes([[1, 0]], sample_token=["g"], class_name=["bus"])
    assert named(judged(boxes, make_truth([[0, 0]]))) == (["missed"], ["phantom"])


def test_failures_are_counted_once() -> None:
    objects = np.array([OF_OBJECTS.index(name) for name in ("right", "right", "missed")])
    boxes = np.array([OF_BOXES.index(name) for name in ("counted", "counted", "phantom")])
    counts = counted(objects, boxes)
    assert counts["right"] == 2 and counts["missed"] == 1 and counts["phantom"] == 1
    assert sum(counts.values()) == 4
    assert list(counts) == ["right", *FAILURES]
    assert set(EXPLAINED) == set(FAILURES)
