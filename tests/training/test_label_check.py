from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cm3d.detectors.protocol import Needs
from cm3d.errors import InputError
from cm3d.tables import Boxes3D
from cm3d.training.frames import TrainingFrame
from cm3d.training.labels import check_labels

Row = tuple[str, float, float, float]


@pytest.fixture
def frame(
    make_boxes: Callable[..., Boxes3D], make_frame: Callable[..., TrainingFrame]
) -> Callable[..., TrainingFrame]:
    """A keyframe at x = 100, from rows of boxes about it; the detector sees 12.8 m."""

    def make(token: str, *rows: Row) -> TrainingFrame:
        moved = [(name, 100 + x, y, yaw) for name, x, y, yaw in rows]
        return make_frame(make_boxes(token, *moved), token, (1, 0, 0, 0, 100, 0, 0))

    return make


def test_nothing_to_say(frame, needs: Needs) -> None:
    frames = [
        frame("a", ("car", 5, 0, 0), ("traffic_cone", 0, -12.7, 0)),
        frame("b", ("pedestrian", -12.7, 0, 0), ("bus", 50, 0, 0)),  # none of its classes
        frame("c"),
    ]
    assert check_labels("finetune", frames, needs) == []


def test_classes_without_example_and_boxes_out_of_range_are_counted(frame, needs) -> None:
    one = frame("a", ("car", 5, 0, 0), ("car", 13, 0, 0), ("pedestrian", 0, -13, 0))
    frames = [one, frame("b", ("car", 1, 2, 3)), one]
    assert check_labels("finetune", frames, needs) == [
        "note: finetune: no example of pedestrian, traffic_cone among 2 frames; "
        "they will not be learned",
        "note: finetune: 2 of 4 boxes are centred outside detector.range_m (12.8 m) "
        "and play no part",
    ]


def test_the_range_is_along_the_axes_of_the_sensor(make_boxes, make_frame, needs) -> None:
    # 12 m ahead and to the left is within the square of a sensor that looks along an axis
    boxes = make_boxes("a", ("car", 12.0, 12.0, 0.0))
    turned = (np.cos(np.pi / 8), 0, 0, np.sin(np.pi / 8), 0, 0, 0)
    assert len(check_labels("pretrain", [make_frame(boxes, "a")], needs)) == 1
    with pytest.raises(InputError, match=r"detector\.range_m: all 1 boxes"):
        check_labels("pretrain", [make_frame(boxes, "a", turned)], needs)


@pytest.mark.parametrize("rows", [[], [("bus", 0.0, 0.0, 0.0)]])
def test_no_box_of_any_class_is_refused(frame, needs, rows: list[Row]) -> None:
    with pytest.raises(InputError, match=r"taxonomy: no box that selftrain_r1 learns"):
        check_labels("selftrain_r1", [frame("a", *rows)], needs)


def test_ignored_boxes_are_no_examples(frame, needs) -> None:
    made = frame(
        "a", ("car", 5, 0, 0), ("pedestrian", 1, 0, 0), ("car", 13, 0, 0), ("bus", 0, 0, 0)
    )
    doubtful = replace(made, boxes=made.boxes.replace(score=[0.5, 0.0, 0.0, 0.0]))
    assert check_labels("selftrain_r1", [doubtful, doubtful], needs) == [
        "note: selftrain_r1: no example of pedestrian, traffic_cone among 1 frames; "
        "they will not be learned",
        "note: selftrain_r1: 2 of 3 boxes are ignored, neither object nor background",
    ]
    nothing = replace(made, boxes=made.boxes.replace(score=[0.0] * 4))
    with pytest.raises(InputError, match=r"taxonomy: no box that selftrain_r1 learns"):
        check_labels("selftrain_r1", [nothing], needs)
