"""Scores of boxes and masks on images drawn by hand."""

import numpy as np
import pytest

from cm3d.simulation.teaching.matching import Matching, Shown, full_size
from cm3d.simulation.teaching.report import Outlines, boxes_report, masks_report
from cm3d.tables import Boxes2D, Cameras


def _boxes(*rows):
    tokens, names, scores, boxes_px = zip(*rows, strict=True)
    return Boxes2D.from_columns(
        camera_token=tokens,
        detection_id=np.arange(len(rows)),
        class_name=names,
        score=scores,
        box_px=np.array(boxes_px, dtype=float),
    )


NEAR, FAR, THIRD = (0, 0, 100, 100), (200, 0, 220, 20), (0, 0, 50, 50)
SHOWN = Shown(
    _boxes(("a", "car", 1, NEAR), ("a", "car", 1, FAR), ("b", "bus", 1, THIRD)),
    np.array([0.9, 0.3, 0.7]),
    np.array([9000, 300, 10]),
)


def test_one_of_two_cars_is_found():
    matching = Matching.of(_boxes(("a", "car", 0.9, NEAR), ("b", "car", 0.8, NEAR)), SHOWN)
    assert matching.found.tolist() == [True, False, False]
    assert matching.counts.tolist() == [True, True, False]
    # Precision 1 up to recall 1/2, in COCO's 101 steps.
    assert matching.average_precision[0] == pytest.approx(51 / 101)
    assert np.isnan(matching.average_precision[5])
    assert matching.false_detections == 1


def test_what_hardly_shows_is_not_held_against_a_detector():
    matching = Matching.of(_boxes(("b", "bus", 0.9, THIRD)), SHOWN)
    assert matching.false_detections == 0
    assert matching.recall(np.array([False, False, True])) != matching.recall(np.ones(3, bool))
    assert matching.recall(np.ones(3, bool)) == 0


def test_nothing_detected():
    matching = Matching.of(Boxes2D.empty(), SHOWN)
    assert not matching.found.any() and matching.false_detections == 0
    assert matching.average_precision[0] == 0


def test_report_by_size_and_visibility():
    report = boxes_report(Matching.of(_boxes(("a", "car", 0.9, NEAR)), SHOWN), SHOWN)
    assert report["objects"] == 2
    assert report["recall50"]["car"] == 0.5
    assert report["recall50_by_size"]["large"] == 1
    assert report["recall50_by_size"]["small"] == 0
    assert report["recall50_by_visibility"]["80-100%"] == 1
    assert report["recall50_by_visibility"]["0-40%"] == 0


def test_boxes_at_full_size():
    cameras = Cameras.from_columns(
        camera_token=["a"],
        sample_token=["s"],
        channel=["CAM_FRONT"],
        path=["a.jpg"],
        width_px=[400],
        height_px=[225],
        intrinsics_px=np.eye(3).reshape(1, 9),
        global_SE3_camera=[[1, 0, 0, 0, 0, 0, 0]],
    )
    full = full_size(_boxes(("a", "car", 1, (1, 2, 3, 4))), cameras)
    assert full.box_px.tolist() == [[4, 8, 12, 16]]
    assert len(full_size(Boxes2D.empty(), cameras)) == 0


def test_masks_by_class_and_size():
    part = Outlines(
        np.array(["car", "car", "bus"], dtype=object),
        np.array([100.0, 1e5, 1e5]),
        np.array([0.5, 0.9, np.nan]),
    )
    report = masks_report([part])
    assert report["masks"] == 3
    assert report["iou"] == pytest.approx(0.7)
    assert report["iou_by_class"]["car"] == pytest.approx(0.7)
    assert report["iou_by_size"] == pytest.approx(
        {"small": 0.5, "medium": np.nan, "large": 0.9}, nan_ok=True
    )
