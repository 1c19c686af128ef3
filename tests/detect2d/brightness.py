"""A stand-in for a detectron2 network: the same inputs and outputs, no weights."""

from types import SimpleNamespace
from typing import Any

import torch


def brightest_cells(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cells of a 4 x 4 grid over each image are objects; brightness is score and class."""
    return [{"instances": _instances(**image)} for image in batch]


def _instances(image: torch.Tensor, height: int, width: int) -> SimpleNamespace:
    assert image.dtype == torch.float32
    assert image.dim() == 3
    brightness = torch.nn.functional.adaptive_avg_pool2d(image, 4).mean(0).flatten() / 255
    row, column = torch.arange(16) // 4, torch.arange(16) % 4
    cells = torch.stack([column, row, column + 1, row + 1], dim=1) / 4
    return SimpleNamespace(
        pred_boxes=SimpleNamespace(tensor=cells * torch.tensor([width, height] * 2)),
        scores=brightness,
        pred_classes=(brightness * 1000).long() % 19,
    )
