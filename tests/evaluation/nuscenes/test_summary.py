import json
from collections.abc import Callable
from typing import Any

import pytest

from cm3d.evaluation.nuscenes.agnostic import evaluate_class_agnostic
from cm3d.evaluation.nuscenes.detection import evaluate_boxes
from cm3d.evaluation.nuscenes.scores import DetectionScores
from cm3d.evaluation.nuscenes.summary import (
    HEADLINES,
    PRESENT_HEADLINES,
    agnostic_headlines,
    ap_rows,
    headline,
    per_class,
    precision_recall_rows,
    present_headline,
)
from cm3d.tables import Boxes3D
from tests.evaluation.known import PROTOCOLS, TAXONOMY

Make = Callable[..., Any]
XY_M = [(2 * i, 5) for i in range(10)]


@pytest.fixture
def scores(make_truth: Make, make_boxes: Make, make_frames: Make) -> DetectionScores:
    """Ten cars, all found, 0.3 m beside where they are."""
    boxes, truth = make_boxes([(x + 0.3, y) for x, y in XY_M]), make_truth(XY_M)
    return evaluate_boxes(boxes, truth, make_frames("f"), Boxes3D.empty(), TAXONOMY)


def test_the_headline_is_seven_rounded_figures(scores: DetectionScores) -> None:
    figures = headline(scores)
    assert tuple(figures) == HEADLINES
    assert figures["mAP"] == 0.1
    assert figures["mATE"] == 0.93  # nine classes at 1, cars at 0.3
    assert figures["mAVE"] == 0.875  # seven of eight classes at 1, cars at 0


def test_present_classes_alone(scores: DetectionScores) -> None:
    """Cars: AP 1, 0.3 m off, all else right, so NDS is (5 + 0.7 + 4) / 10."""
    assert scores.present == ("car",)
    figures = present_headline(scores)
    assert tuple(figures) == PRESENT_HEADLINES
    assert figures == {"mAP_present": 1.0, "NDS_present": 0.97, "mAOE_present": 0.0}


def test_class_that_is_there_and_never_found_counts(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    """Cars are found, cones are not; boxes of a class that is not there change nothing."""
    truth = make_truth([*XY_M, (3, 20)], class_name=["car"] * 10 + ["traffic_cone"])
    boxes = make_boxes([*XY_M, (3, 30)], class_name=["car"] * 10 + ["bus"])
    found = evaluate_boxes(boxes, truth, make_frames("f"), Boxes3D.empty(), TAXONOMY)
    assert found.present == ("car", "traffic_cone")
    mean_ap, nds, errors = found.of_present()
    # A class without a match has errors 1; cones have no heading, velocity and attribute.
    assert mean_ap == pytest.approx(0.5)
    assert errors == pytest.approx({"ATE": 0.5, "ASE": 0.5, "AOE": 0, "AVE": 0, "AAE": 0})
    assert nds == pytest.approx((2.5 + 0.5 + 0.5 + 3) / 10)


def test_no_class_is_there(make_truth: Make, make_boxes: Make, make_frames: Make) -> None:
    found = evaluate_boxes(
        make_boxes(XY_M), make_truth([]), make_frames("f"), Boxes3D.empty(), TAXONOMY
    )
    assert found.present == ()
    expected = {"mAP_present": 0.0, "NDS_present": 0.0, "mAOE_present": 1.0}
    assert present_headline(found) == expected


def test_per_class_figures_are_json_even_where_there_are_none(scores: DetectionScores) -> None:
    figures = json.loads(json.dumps(per_class(scores), allow_nan=False))
    assert figures["car"] == {"AP": 1, "ATE": 0.3, "ASE": 0, "AOE": 0, "AVE": 0, "AAE": 0}
    assert figures["traffic_cone"]["AOE"] is None


def test_plot_rows_are_flat(scores: DetectionScores) -> None:
    rows = ap_rows(scores)
    assert rows[0] == {"class": "car", "ap": 1.0}
    assert len(rows) == 10
    curve = [row for row in precision_recall_rows(scores.precision) if row["class"] == "car"]
    assert curve[0] == {"class": "car", "recall": 0.0, "precision": 1.0}
    assert [row["recall"] for row in curve] == [round(0.04 * i, 2) for i in range(26)]


def test_class_agnostic_figures_stand_under_their_protocol(
    make_truth: Make, make_boxes: Make, make_frames: Make
) -> None:
    boxes, truth, racks = make_boxes(XY_M), make_truth(XY_M), Boxes3D.empty()
    figures = agnostic_headlines(
        evaluate_class_agnostic(boxes, truth, make_frames("f"), racks, p, TAXONOMY)
        for p in PROTOCOLS
    )
    shared = {"AP": 1.0, "ATE": 0.0, "ASE": 0.0, "AOE": 0.0}
    assert figures == {
        "ten_classes_50m": {**shared, "NDS_without_motion": 0.8},
        "liso_8_classes_50m": {**shared, "AVE": 0.0, "NDS_with_zeroed_velocity": 0.9},
        "union_8_classes": {**shared, "AVE": 0.0, "NDS_without_attributes": 0.9},
    }
