"""How wrong the detector is."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from cm3d.simnet.decode import boxes_around_cells
from experiments.simnet.detector_targets import DetectorTargets

_BOX_WEIGHT: Final = 5.0  # TTFNet


def detector_loss(logits: Tensor, sides_px: Tensor, targets: DetectorTargets) -> Tensor:
    """Focal loss of the heatmap (CornerNet's) and generalised IoU of the boxes.

    Args:
        logits: (B, 10, h, w).
        sides_px: (B, 4, h, w).
        targets: Of the batch.
    """
    box_px = boxes_around_cells(sides_px)
    lost = 1 - generalised_iou(box_px.unbind(1), targets.box_px.unbind(1))
    boxes = (targets.weight * lost).sum() / targets.weight.sum().clamp(min=1)
    return heatmap_loss(logits, targets) + _BOX_WEIGHT * boxes


def heatmap_loss(logits: Tensor, targets: DetectorTargets) -> Tensor:
    """Cross-entropy that counts sure cells, and background near a middle, less."""
    probability = torch.sigmoid(logits)
    is_middle = targets.heatmap == 1
    found = -F.logsigmoid(logits) * (1 - probability) ** 2
    elsewhere = -F.logsigmoid(-logits) * probability**2 * (1 - targets.heatmap) ** 4
    lost = torch.where(is_middle, found, elsewhere * targets.counts)
    return lost.sum() / is_middle.sum().clamp(min=1)


def generalised_iou(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> Tensor:
    """GIoU (Rezatofighi et al., CVPR 2019) of boxes x_min, y_min, x_max, y_max of any shape."""
    (a_x, a_y, a_right, a_low), (b_x, b_y, b_right, b_low) = one, other
    width = (torch.minimum(a_right, b_right) - torch.maximum(a_x, b_x)).clamp(min=0)
    height = (torch.minimum(a_low, b_low) - torch.maximum(a_y, b_y)).clamp(min=0)
    common = width * height
    union = (a_right - a_x) * (a_low - a_y) + (b_right - b_x) * (b_low - b_y) - common
    hull = (torch.maximum(a_right, b_right) - torch.minimum(a_x, b_x)) * (
        torch.maximum(a_low, b_low) - torch.minimum(a_y, b_y)
    )
    tiny = 1e-6
    return common / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)
