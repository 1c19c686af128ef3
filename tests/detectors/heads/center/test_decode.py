from typing import Any

import numpy as np
import pytest
import torch

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.center import decode as decoding
from cm3d.detectors.heads.center.box_code import BOX_TERMS
from cm3d.detectors.heads.center.head import BoxMaps, TaskOutput
from tests.tiny_detector import tiny_predict

HEADS = [["car"], ["pedestrian", "traffic_cone"]]
SUPPRESSION_M = np.array([2.0, 0.4, 0.4])
GRID = Grid(3.2, 0.8, 8)


def decode(outputs: list[TaskOutput], **changes: Any) -> list[SensorBoxes]:
    """Decode as `predict` has it, with changes."""
    return decoding.decode(outputs, HEADS, SUPPRESSION_M, GRID, tiny_predict(**changes))


@pytest.fixture
def outputs() -> list[TaskOutput]:
    """Empty maps of the tiny detector for two frames; every box 1 m, in its cell's corner."""
    return [
        TaskOutput(
            torch.full((2, classes, 8, 8), -10.0),
            BoxMaps({name: torch.zeros(2, width, 8, 8) for name, width in BOX_TERMS.items()}),
        )
        for classes in (1, 2)
    ]


def _logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


def test_a_peak_becomes_a_box(outputs: list[TaskOutput]) -> None:
    outputs[1].heatmap[1, 1, 2, 5] = _logit(0.7)
    outputs[1].boxes["offset"][1, :, 2, 5] = torch.tensor([0.5, 0.25])
    outputs[1].boxes["z"][1, 0, 2, 5] = -1.0
    outputs[1].boxes["heading"][1, :, 2, 5] = torch.tensor([1.0, 0.0])
    outputs[1].boxes["velocity"][1, :, 2, 5] = torch.tensor([3.0, 4.0])
    empty, boxes = decode(outputs)
    assert len(empty) == 0
    assert boxes.class_index.tolist() == [2]
    np.testing.assert_allclose(boxes.score, [0.7], atol=1e-6)
    np.testing.assert_allclose(boxes.center_m, [[1.2, -1.4, -1.0]], atol=1e-6)
    np.testing.assert_allclose(boxes.size_m, [[1, 1, 1]])
    np.testing.assert_allclose(boxes.yaw_rad, [np.pi / 2])
    np.testing.assert_allclose(boxes.velocity_mps, [[3, 4]])


def _spot(outputs: list[TaskOutput], task: int, channel: int, column: int, score: float) -> None:
    outputs[task].heatmap[0, channel, 3, column] = _logit(score)


def test_circle_nms_is_among_the_classes_of_a_task(outputs) -> None:
    for column, score in ((1, 0.5), (3, 0.9), (6, 0.6)):
        _spot(outputs, 0, 0, column, score)
    _spot(outputs, 1, 0, 1, 0.4)  # another task
    _spot(outputs, 1, 1, 1, 0.3)  # the same task at the same place
    boxes, _ = decode(outputs)  # cars within 2 m: the cell at 1.6 m falls
    assert boxes.class_index.tolist() == [0, 0, 1]
    np.testing.assert_allclose(boxes.score, [0.9, 0.6, 0.4], atol=1e-6)


def test_rotated_nms_by_overlap(outputs) -> None:
    # cells are 0.8 m apart; boxes of 1 m overlap by 0.2 of 1.8, of 1.2 m by 0.48 of 2.4
    rotated = {"nms": "rotated", "nms_iou": 0.15}
    _spot(outputs, 0, 0, 2, 0.5)
    _spot(outputs, 0, 0, 3, 0.9)
    assert len(decode(outputs, **rotated)[0]) == 2
    outputs[0].boxes["size"][0, :2, 3, 2:4] = float(np.log(1.2))
    np.testing.assert_allclose(decode(outputs, **rotated)[0].score, [0.9], atol=1e-6)


def test_far_boxes_and_too_many_of_a_task_fall(outputs) -> None:
    for column, score in ((0, 0.5), (3, 0.9), (7, 0.6)):
        _spot(outputs, 0, 0, column, score)  # at x = -3.2, -0.8 and 2.4
    near, _ = decode(outputs, max_range_m=3.0)
    np.testing.assert_allclose(near.score, [0.9, 0.6], atol=1e-6)
    one, _ = decode(outputs, task_boxes=1)
    np.testing.assert_allclose(one.score, [0.9], atol=1e-6)


def test_low_scores_and_too_many_boxes_fall(outputs: list[TaskOutput]) -> None:
    outputs[0].heatmap[0, 0, ::4, ::4] = torch.tensor([[0.05, 0.2], [0.3, 0.4]]).logit()
    assert len(decode(outputs)[0]) == 3
    few, _ = decode(outputs, max_boxes=2)
    np.testing.assert_allclose(few.score, [0.4, 0.3], atol=1e-6)
