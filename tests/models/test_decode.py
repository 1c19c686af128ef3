import numpy as np
import pytest
import torch

from cm3d.models.box_code import BOX_TERMS
from cm3d.models.decode import decode
from cm3d.models.head import TaskOutput
from cm3d.params import Detector


@pytest.fixture
def outputs() -> list[TaskOutput]:
    """Empty maps of the tiny detector for two frames; every box 1 m, in its cell's corner."""
    return [
        TaskOutput(
            torch.full((2, classes, 8, 8), -10.0),
            {name: torch.zeros(2, width, 8, 8) for name, width in BOX_TERMS.items()},
        )
        for classes in (1, 2)
    ]


def _logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


def test_a_peak_becomes_a_box(outputs: list[TaskOutput], detector: Detector) -> None:
    outputs[1].heatmap[1, 1, 2, 5] = _logit(0.7)
    outputs[1].boxes["offset"][1, :, 2, 5] = torch.tensor([0.5, 0.25])
    outputs[1].boxes["z"][1, 0, 2, 5] = -1.0
    outputs[1].boxes["heading"][1, :, 2, 5] = torch.tensor([1.0, 0.0])
    outputs[1].boxes["velocity"][1, :, 2, 5] = torch.tensor([3.0, 4.0])
    empty, boxes = decode(outputs, detector)
    assert len(empty) == 0
    assert boxes.class_index.tolist() == [2]
    np.testing.assert_allclose(boxes.score, [0.7], atol=1e-6)
    np.testing.assert_allclose(boxes.center_m, [[1.2, -1.4, -1.0]], atol=1e-6)
    np.testing.assert_allclose(boxes.size_m, [[1, 1, 1]])
    np.testing.assert_allclose(boxes.yaw_rad, [np.pi / 2])
    np.testing.assert_allclose(boxes.velocity_mps, [[3, 4]])


def test_a_slope_is_no_peak(outputs: list[TaskOutput], detector: Detector) -> None:
    outputs[0].heatmap[0, 0, 3, 3] = _logit(0.9)
    outputs[0].heatmap[0, 0, 4, 4] = _logit(0.8)
    assert len(decode(outputs, detector)[0]) == 1


def test_circle_nms_is_class_wise(outputs: list[TaskOutput], detector: Detector) -> None:
    outputs[0].heatmap[0, 0, 3, [1, 3, 6]] = torch.tensor([_logit(s) for s in (0.5, 0.9, 0.6)])
    outputs[1].heatmap[0, 0, 3, 1] = _logit(0.4)
    boxes, _ = decode(outputs, detector)  # cars within 2 m: the cell at 1.6 m falls
    assert boxes.class_index.tolist() == [0, 0, 1]
    np.testing.assert_allclose(boxes.score, [0.9, 0.6, 0.4], atol=1e-6)


def test_low_scores_and_too_many_boxes_fall(outputs: list[TaskOutput], detector: Detector) -> None:
    outputs[0].heatmap[0, 0, ::4, ::4] = torch.tensor([[0.05, 0.2], [0.3, 0.4]]).logit()
    assert len(decode(outputs, detector)[0]) == 3
    few, _ = decode(outputs, detector.model_copy(update={"max_boxes": 2}))
    np.testing.assert_allclose(few.score, [0.4, 0.3], atol=1e-6)
