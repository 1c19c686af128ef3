"""From the head's maps to boxes: the surest cells of each head, then suppression (CenterPoint)."""

from collections.abc import Sequence

import numpy as np
import torch

from cm3d.detectors.boxes import SensorBoxes
from cm3d.detectors.grid import Grid
from cm3d.detectors.heads.center.box_code import decode_boxes
from cm3d.detectors.heads.center.head import TaskOutput
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import bev_corners
from cm3d.geometry.overlap import bev_iou, distance_nms, overlap_nms
from cm3d.params import Predict


def decode(
    outputs: Sequence[TaskOutput],
    heads: Sequence[Sequence[str]],
    suppression_m: NDArrayFloat,
    grid: Grid,
    predict: Predict,
) -> list[SensorBoxes]:
    """Boxes of every frame in the batch, best first, at most `max_boxes` each.

    Args:
        outputs: Of each head.
        heads: Classes of each.
        suppression_m: (C,) distance below which of two boxes the surer stays, by class.
        grid: Of the maps.
        predict: Which findings become boxes.
    """
    firsts = np.cumsum([0, *(len(names) for names in heads[:-1])])
    of_heads = [
        [
            suppress(boxes, suppression_m, predict)
            for boxes in _candidates(output, int(first), grid, predict)
        ]
        for output, first in zip(outputs, firsts, strict=True)
    ]
    of_frames = (SensorBoxes.concatenate(parts) for parts in zip(*of_heads, strict=True))
    return [
        boxes[np.argsort(-boxes.score, kind="stable")[: predict.max_boxes]] for boxes in of_frames
    ]


def _candidates(
    output: TaskOutput, first_class: int, grid: Grid, predict: Predict
) -> list[SensorBoxes]:
    """What one head finds in every frame that is sure enough and near enough."""
    score, cell = output.heatmap.float().sigmoid().flatten(1).topk(
        min(predict.candidates, output.heatmap[0].numel())
    )  # fmt: skip
    rows, columns = output.heatmap.shape[2:]
    class_index = first_class + cell // (rows * columns)
    row, column = cell // columns % rows, cell % columns
    frame = torch.arange(len(score), device=score.device)[:, None].expand_as(score)
    code = output.codes.at(frame.flatten(), row.flatten(), column.flatten()).view(*row.shape, -1)
    result = []
    for of_frame, chosen in enumerate(score >= predict.min_score):
        row_, column_ = row[of_frame][chosen], column[of_frame][chosen]
        boxes = decode_boxes(code[of_frame][chosen].double(), row_, column_, grid)
        found = SensorBoxes(
            class_index=class_index[of_frame][chosen].cpu().numpy(),
            score=score[of_frame][chosen].double().cpu().numpy(),
            **{name: values.cpu().numpy() for name, values in vars(boxes).items()},
        )
        result.append(found[(np.abs(found.center_m[:, :2]) <= predict.max_range_m).all(axis=1)])
    return result


def suppress(boxes: SensorBoxes, suppression_m: NDArrayFloat, predict: Predict) -> SensorBoxes:
    """Of boxes of one head that are too close to each other, the surest; at most `task_boxes`."""
    one_group = np.zeros(len(boxes), dtype=np.int64)
    if predict.nms == "rotated":
        corners_m = bev_corners(boxes.cuboids)
        iou = bev_iou(corners_m, corners_m)
        kept = overlap_nms(iou, boxes.score, one_group, predict.nms_iou)
    else:
        radius_m = suppression_m[boxes.class_index]
        kept = distance_nms(boxes.center_m[:, :2], boxes.score, one_group, radius_m)
    return boxes[kept[: predict.task_boxes]]
