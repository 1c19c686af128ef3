"""From the detector's heatmap to boxes: its local maxima."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from cm3d.simnet.detector import STRIDE_PX

_MAX_BOXES: Final = 100  # per image; simulated streets show a third of that at most


def boxes_around_cells(sides_px: Tensor) -> Tensor:
    """Boxes (B, 4, h, w) x_min, y_min, x_max, y_max from distances of cells' middles to sides."""
    rows, columns = sides_px.shape[2:]
    x_px = (torch.arange(columns, device=sides_px.device) + 0.5) * STRIDE_PX
    y_px = (torch.arange(rows, device=sides_px.device)[:, None] + 0.5) * STRIDE_PX
    left, up, right, down = sides_px.unbind(1)
    return torch.stack([x_px - left, y_px - up, x_px + right, y_px + down], dim=1)


def decode(logits: Tensor, sides_px: Tensor, min_score: float) -> list[tuple[Tensor, ...]]:
    """Local maxima of each class's heatmap, best first.

    Args:
        logits: (B, 10, h, w).
        sides_px: (B, 4, h, w).
        min_score: Lower maxima are no objects.

    Returns:
        Per image: class index (N,), score (N,) and box (N, 4) in the network's pixels.
    """
    score = torch.sigmoid(logits.float())
    is_maximum = score == F.max_pool2d(score, 3, stride=1, padding=1)
    ranked, chosen = (score * is_maximum).flatten(1).topk(min(_MAX_BOXES, score[0].numel()), dim=1)
    area = logits.shape[2] * logits.shape[3]
    boxes_px = boxes_around_cells(sides_px.float()).flatten(2)
    found = []
    for image, best in enumerate(ranked):
        cell = chosen[image][best >= min_score]
        found.append((cell // area, best[best >= min_score], boxes_px[image][:, cell % area].T))
    return found
