"""From the head's maps to boxes: peaks of the heatmap, then circle NMS (CenterPoint)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cm3d.geometry.arrays import NDArrayInt
from cm3d.geometry.nms import distance_nms
from cm3d.models.box_code import decode_boxes
from cm3d.models.grid import Grid
from cm3d.models.head import TaskOutput
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import Detector


def decode(outputs: Sequence[TaskOutput], detector: Detector) -> list[SensorBoxes]:
    """Boxes of every frame in the batch, best first, at most `max_boxes` each."""
    peaks = _best_peaks(outputs, detector.max_boxes)
    device = peaks.score.device
    task = torch.as_tensor(_task_of_class(detector), device=device)[peaks.class_index]
    frame = torch.arange(len(task), device=device)[:, None].expand_as(task)
    maps = torch.stack([torch.cat(list(output.boxes.values()), dim=1) for output in outputs])
    code = maps[task, frame, :, peaks.row, peaks.column]
    return [
        _frame_boxes(code[index], _Peaks(*(values[index] for values in peaks)), detector)
        for index in range(len(code))
    ]


class _Peaks(NamedTuple):
    """Cells (B, K) that no neighbour of their class exceeds, best first."""

    score: Tensor
    class_index: Tensor
    row: Tensor
    column: Tensor


def _frame_boxes(code: Tensor, peaks: _Peaks, detector: Detector) -> SensorBoxes:
    boxes = decode_boxes(
        code.double().cpu().numpy(),
        peaks.row.cpu().numpy(),
        peaks.column.cpu().numpy(),
        peaks.class_index.cpu().numpy(),
        peaks.score.double().cpu().numpy(),
        Grid.of_output(detector),
    )
    return _suppressed(boxes[boxes.score >= detector.min_score], detector)


def _best_peaks(outputs: Sequence[TaskOutput], max_boxes: int) -> _Peaks:
    heatmap = torch.cat([output.heatmap for output in outputs], dim=1).sigmoid()
    is_peak = heatmap == functional.max_pool2d(heatmap, 3, stride=1, padding=1)
    rows, columns = heatmap.shape[2:]
    flat = torch.where(is_peak, heatmap, 0.0).flatten(1)
    score, index = flat.topk(min(max_boxes, flat.shape[1]))
    return _Peaks(score, index // (rows * columns), index // columns % rows, index % columns)


def _task_of_class(detector: Detector) -> NDArrayInt:
    sizes = [len(task) for task in detector.tasks]
    return np.repeat(np.arange(len(sizes)), sizes)


def _suppressed(boxes: SensorBoxes, detector: Detector) -> SensorBoxes:
    radius_m = np.array([detector.nms_radius_m[name] for name in detector.class_names])
    kept = distance_nms(
        boxes.center_m[:, :2], boxes.score, boxes.class_index, radius_m[boxes.class_index]
    )
    return boxes[kept]
