from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.evaluation.agnostic import AgnosticProtocol, evaluate_class_agnostic
from cm3d.tables import Boxes3D

Make = Callable[..., Any]
NO_RACKS = Boxes3D.empty()
XY_M = [(2 * i, 5) for i in range(10)]
MIXED = ["car", "bus", "pedestrian", "barrier", "traffic_cone"] * 2


def test_a_wrong_or_unknown_class_costs_nothing(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    boxes = make_boxes(XY_M, class_name=["object"] * 5 + ["truck"] * 5)
    truth = make_truth(XY_M, class_name=MIXED)
    scores = evaluate_class_agnostic(boxes, truth, make_frames("f"), NO_RACKS)
    assert scores.protocol == "ten_classes_50m"
    assert scores.ap == pytest.approx(1.0)
    assert scores.ap_at == pytest.approx({0.5: 1, 1.0: 1, 2.0: 1, 4.0: 1})
    assert (scores.ate, scores.ase, scores.aoe) == pytest.approx((0, 0, 0))


def test_velocity_and_attribute_earn_nothing(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """Perfect boxes: (5 * 1 + 1 + 1 + 1) / 10."""
    scores = evaluate_class_agnostic(make_boxes(XY_M), make_truth(XY_M), make_frames("f"), NO_RACKS)
    assert scores.nds_without_motion == pytest.approx(0.8)


def test_one_range_serves_all_classes(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """A cone at 45 m, which the class-wise protocol leaves out, is there to be found."""
    truth = make_truth([(45, 0)] * 9 + [(51, 0)], class_name=["traffic_cone"] * 10)
    found = evaluate_class_agnostic(make_boxes([]), truth, make_frames("f"), NO_RACKS)
    assert found.ap == 0
    boxes = make_boxes([(45, 0)] * 9, class_name=["object"] * 9)
    found = evaluate_class_agnostic(boxes, truth, make_frames("f"), NO_RACKS)
    assert found.ap == pytest.approx(1.0)


def test_a_protocol_picks_classes_and_range(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    protocol = AgnosticProtocol("cars_10m", ("car",), 10.0)
    truth = make_truth([(5, 0), (5, 3), (20, 0)], class_name=["car", "barrier", "car"])
    boxes = make_boxes(
        [(5, 0), (5, 3), (20, 0)], class_name=["object", "barrier", "car"], score=[0.5, 0.9, 0.8]
    )
    scores = evaluate_class_agnostic(boxes, truth, make_frames("f"), NO_RACKS, protocol)
    assert scores.protocol == "cars_10m"
    assert scores.ap == pytest.approx(1.0)


def test_objects_in_racks_are_neither_right_nor_wrong(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    racks = make_boxes([(30, 0)], class_name=["bicycle_rack"])
    truth = make_truth([*XY_M, (30, 0)], class_name=["car"] * 10 + ["bicycle"])
    boxes = make_boxes([(30, 0), *XY_M], class_name=["object"] * 11, score=np.linspace(1, 0.5, 11))
    scores = evaluate_class_agnostic(boxes, truth, make_frames("f"), racks)
    assert scores.ap == pytest.approx(1.0)
    assert scores.precision[0] == 1
