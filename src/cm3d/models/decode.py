"""From the head's maps to boxes: the surest cells of each task, then suppression (CenterPoint)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cm3d.geometry.boxes import bev_corners
from cm3d.geometry.iou import bev_iou
from cm3d.geometry.nms import distance_nms, overlap_nms
from cm3d.models.box_code import decode_boxes
from cm3d.models.grid import Grid
from cm3d.models.head import TaskOutput
from cm3d.models.sensor_boxes import SensorBoxes
from cm3d.params import Detector


def decode(outputs: Sequence[TaskOutput], detector: Detector) -> list[SensorBoxes]:
    """Boxes of every frame in the batch, best first, at most `max_boxes` each."""
    firsts = np.cumsum([0, *(len(task) for task in detector.tasks[:-1])])
    of_tasks = [
        _task_boxes(output, int(first), detector)
        for output, first in zip(outputs, firsts, strict=True)
    ]
    return [_best(of_frame, detector.max_boxes) for of_frame in zip(*of_tasks, strict=True)]


def _task_boxes(output: TaskOutput, first_class: int, detector: Detector) -> list[SensorBoxes]:
    """What one task finds in every frame, suppressed among its classes."""
    score, cell = output.heatmap.float().sigmoid().flatten(1).topk(
        min(detector.candidates, output.heatmap[0].numel())
    )  # fmt: skip
    rows, columns = output.heatmap.shape[2:]
    class_index = first_class + cell // (rows * columns)
    row, column = cell // columns % rows, cell % columns
    frame = torch.arange(len(score), device=score.device)[:, None].expand_as(score)
    code = output.codes_at(frame.flatten(), row.flatten(), column.flatten()).view(*row.shape, -1)
    return [
        suppress(_boxes(*tensors, detector), detector)
        for tensors in zip(code, row, column, class_index, score, strict=True)
    ]


def _boxes(
    code: Tensor,
    row: Tensor,
    column: Tensor,
    class_index: Tensor,
    score: Tensor,
    detector: Detector,
) -> SensorBoxes:
    """Those of one frame that are sure enough and near enough."""
    chosen = score >= detector.min_score
    grid = Grid.of_maps(detector)
    boxes = decode_boxes(code[chosen].double(), row[chosen], column[chosen], grid)
    found = SensorBoxes(
        class_index=class_index[chosen].cpu().numpy(),
        score=score[chosen].double().cpu().numpy(),
        **{name: values.cpu().numpy() for name, values in vars(boxes).items()},
    )
    return found[(np.abs(found.center_m[:, :2]) <= detector.max_range_m).all(axis=1)]


def suppress(boxes: SensorBoxes, detector: Detector) -> SensorBoxes:
    """Of boxes of one task that are too close to each other, the surest; at most `task_boxes`."""
    one_group = np.zeros(len(boxes), dtype=np.int64)
    if detector.nms == "rotated":
        corners_m = bev_corners(
            boxes.center_m, boxes.size_m[:, 0], boxes.size_m[:, 1], boxes.yaw_rad
        )
        iou = bev_iou(corners_m, corners_m)
        kept = overlap_nms(iou, boxes.score, one_group, detector.nms_iou)
    else:
        radius_m = np.array([detector.nms_radius_m[name] for name in detector.class_names])
        kept = distance_nms(
            boxes.center_m[:, :2], boxes.score, one_group, radius_m[boxes.class_index]
        )
    return boxes[kept[: detector.task_boxes]]


def _best(of_tasks: Sequence[SensorBoxes], max_boxes: int) -> SensorBoxes:
    boxes = SensorBoxes.concatenate(of_tasks)
    return boxes[np.argsort(-boxes.score, kind="stable")[:max_boxes]]
