"""From the detector's heatmap to boxes: its local maxima."""

from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cm3d.simnet.detector import STRIDE_PX

_MAX_BOXES: Final = 100  # per image; simulated streets show a third of that at most


class Maxima(NamedTuple):
    """Objects of one image.

    Args:
        class_index: (N,) position in `CLASS_NAMES`.
        score: (N,) in [0, 1].
        box_px: (N, 4) x_min, y_min, x_max, y_max in the network's pixels.
    """

    class_index: Tensor
    score: Tensor
    box_px: Tensor


def boxes_around_cells(sides_px: Tensor) -> Tensor:
    """Boxes (B, 4, h, w) x_min, y_min, x_max, y_max from distances of cells' middles to sides."""
    rows, columns = sides_px.shape[2:]
    x_px = (torch.arange(columns, device=sides_px.device) + 0.5) * STRIDE_PX
    y_px = (torch.arange(rows, device=sides_px.device)[:, None] + 0.5) * STRIDE_PX
    left, up, right, down = sides_px.unbind(1)
    return torch.stack([x_px - left, y_px - up, x_px + right, y_px + down], dim=1)


def decode(logits: Tensor, sides_px: Tensor, min_score: float) -> list[Maxima]:
    """Local maxima of each class's heatmap, best first.

    Args:
        logits: (B, 10, h, w).
        sides_px: (B, 4, h, w).
        min_score: Lower maxima are no objects.
    """
    score = torch.sigmoid(logits.float())
    is_maximum = score == F.max_pool2d(score, 3, stride=1, padding=1)
    ranked, chosen = (score * is_maximum).flatten(1).topk(min(_MAX_BOXES, score[0].numel()), dim=1)
    area = logits.shape[2] * logits.shape[3]
    boxes_px = boxes_around_cells(sides_px.float()).flatten(2)
    found = []
    for image, best in enumerate(ranked):
        cell = chosen[image][best >= min_score]
        box_px = boxes_px[image][:, cell % area].T
        found.append(Maxima(cell // area, best[best >= min_score], box_px))
    return found
