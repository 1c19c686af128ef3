from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.evaluation.nuscenes.agnostic import (
    AgnosticProtocol,
    evaluate_class_agnostic,
    protocols,
)
from cm3d.tables import Boxes3D
from cm3d.taxonomy import load_taxonomy
from tests.evaluation.known import LISO, OURS, PROTOCOLS, TAXONOMY, UNION

Make = Callable[..., Any]
NO_RACKS = Boxes3D.empty()
XY_M = [(2 * i, 5) for i in range(10)]
MIXED = ["car", "bus", "pedestrian", "barrier", "traffic_cone"] * 2


def test_a_wrong_or_unknown_class_costs_nothing(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    boxes = make_boxes(XY_M, class_name=["object"] * 5 + ["truck"] * 5)
    truth = make_truth(XY_M, class_name=MIXED)
    scores = evaluate_class_agnostic(boxes, truth, make_frames("f"), NO_RACKS, OURS, TAXONOMY)
    assert scores.protocol is OURS
    assert scores.ap == pytest.approx(1.0)
    assert scores.ap_at == pytest.approx({0.5: 1, 1.0: 1, 2.0: 1, 4.0: 1})
    assert scores.errors == pytest.approx({"ATE": 0, "ASE": 0, "AOE": 0})


def test_velocity_and_attribute_earn_nothing(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """Perfect boxes: (5 * 1 + 1 + 1 + 1) / 10."""
    scores = evaluate_class_agnostic(
        make_boxes(XY_M), make_truth(XY_M), make_frames("f"), NO_RACKS, OURS, TAXONOMY
    )
    assert scores.nds == pytest.approx(0.8)


def test_one_range_serves_all_classes(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """A cone at 45 m, which the class-wise protocol leaves out, is there to be found."""
    truth = make_truth([(45, 0)] * 9 + [(51, 0)], class_name=["traffic_cone"] * 10)
    found = evaluate_class_agnostic(
        make_boxes([]), truth, make_frames("f"), NO_RACKS, OURS, TAXONOMY
    )
    assert found.ap == 0
    boxes = make_boxes([(45, 0)] * 9, class_name=["object"] * 9)
    found = evaluate_class_agnostic(boxes, truth, make_frames("f"), NO_RACKS, OURS, TAXONOMY)
    assert found.ap == pytest.approx(1.0)


def test_a_protocol_picks_classes_and_range(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    protocol = AgnosticProtocol("cars_10m", {"car": 10.0, "object": 10.0}, "uncounted")
    truth = make_truth([(5, 0), (5, 3), (20, 0)], class_name=["car", "barrier", "car"])
    boxes = make_boxes(
        [(5, 0), (5, 3), (20, 0)], class_name=["object", "barrier", "car"], score=[0.5, 0.9, 0.8]
    )
    scores = evaluate_class_agnostic(boxes, truth, make_frames("f"), NO_RACKS, protocol, TAXONOMY)
    assert scores.protocol.name == "cars_10m"
    assert scores.ap == pytest.approx(1.0)


def test_objects_in_racks_are_neither_right_nor_wrong(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    racks = make_boxes([(30, 0)], class_name=["bicycle_rack"])
    truth = make_truth([*XY_M, (30, 0)], class_name=["car"] * 10 + ["bicycle"])
    boxes = make_boxes([(30, 0), *XY_M], class_name=["object"] * 11, score=np.linspace(1, 0.5, 11))
    scores = evaluate_class_agnostic(boxes, truth, make_frames("f"), racks, OURS, TAXONOMY)
    assert scores.ap == pytest.approx(1.0)
    assert scores.precision[0] == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nuscenes", ["ten_classes_50m", "liso_8_classes_50m", "union_8_classes"]),
        (
            "waymo",
            ["waymo_3_classes_50m", "liso_waymo_3_classes_50m", "union_waymo_3_classes"],
        ),
    ],
)
def test_protocols_say_how_many_classes_they_merge(name: str, expected: list[str]) -> None:
    assert [protocol.name for protocol in protocols(load_taxonomy(name))] == expected


def test_another_class_list_has_its_own_objects_and_ranges(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """Of three classes all are mobile; UNION's ranges are theirs, 75 m."""
    taxonomy = load_taxonomy("waymo")
    far_m = [(60, 2 * i) for i in range(10)]
    names = {"class_name": ["vehicle"] * 5 + ["cyclist"] * 5}
    split = (make_boxes(far_m, **names), make_truth(far_m, **names), make_frames("f"), NO_RACKS)
    found = [evaluate_class_agnostic(*split, p, taxonomy).ap for p in protocols(taxonomy)]
    assert found == pytest.approx([0, 0, 1])


@pytest.mark.parametrize(
    ("protocol", "ave", "nds"),
    [(OURS, None, 0.8), (LISO, 0.0, 0.9), (UNION, 0.5, 0.85)],
)
def test_velocity_is_worth_what_the_protocol_says(
    make_truth: Make,
    make_boxes: Make,
    make_frames: Make,
    protocol: AgnosticProtocol,
    ave: float | None,
    nds: float,
) -> None:
    """Perfect but for 0.5 m/s: (5 + 3) / 10, one more free tenth, or half of it earned."""
    boxes = make_boxes(XY_M, velocity_mps=np.full((10, 2), [0.3, 0.4]))
    scores = evaluate_class_agnostic(
        boxes, make_truth(XY_M), make_frames("f"), NO_RACKS, protocol, TAXONOMY
    )
    assert scores.errors.get("AVE") == (None if ave is None else pytest.approx(ave))
    assert scores.nds == pytest.approx(nds)


@pytest.mark.parametrize("protocol", [LISO, UNION])
def test_static_classes_are_no_objects_elsewhere(
    make_truth: Make, make_boxes: Make, make_frames: Make, protocol: AgnosticProtocol
) -> None:
    names = ["car"] * 5 + ["barrier", "traffic_cone"] * 2 + ["car"]
    boxes = make_boxes(XY_M, class_name=names, score=[0.5] * 5 + [0.9] * 4 + [0.5])
    truth = make_truth(XY_M, class_name=names)
    scores = evaluate_class_agnostic(
        boxes[:9], truth, make_frames("f"), NO_RACKS, protocol, TAXONOMY
    )
    assert scores.precision[83] == 1
    assert scores.precision[84] == 0
    ours = evaluate_class_agnostic(boxes[:9], truth, make_frames("f"), NO_RACKS, OURS, TAXONOMY)
    assert ours.precision[90] == 1


def test_only_unions_ranges_are_those_of_the_classes(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """Pedestrians at 45 m: within 50 m, beyond their own 40 m, for both sides."""
    far_m = [(45, i) for i in range(10)]
    truth = make_truth(far_m, class_name=["pedestrian"] * 10)
    boxes = make_boxes(far_m, class_name=["pedestrian"] * 10)
    found = {
        p.name: evaluate_class_agnostic(boxes, truth, make_frames("f"), NO_RACKS, p, TAXONOMY).ap
        for p in PROTOCOLS
    }
    assert found == pytest.approx(
        {"ten_classes_50m": 1, "liso_8_classes_50m": 1, "union_8_classes": 0}
    )
    unclassed = make_boxes([(45, 0)] * 3 + XY_M, class_name=["object"] * 13)
    seen = make_truth(XY_M)
    scores = evaluate_class_agnostic(unclassed, seen, make_frames("f"), NO_RACKS, UNION, TAXONOMY)
    assert scores.precision[-1] == pytest.approx(10 / 13)
