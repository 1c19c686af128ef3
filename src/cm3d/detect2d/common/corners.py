"""Boxes as transformers' detectors give them."""

import torch


def corners_px(boxes: torch.Tensor, size_px: torch.Tensor) -> torch.Tensor:
    """From centre, width and height to corners.

    Args:
        boxes: (B, N, 4) as shares of a width and a height.
        size_px: (B, 2) that width and height.

    Returns:
        (B, N, 4) x_min, y_min, x_max, y_max in pixels.
    """
    center, extent = boxes.float().chunk(2, dim=2)
    corners = torch.cat([center - extent / 2, center + extent / 2], dim=2)
    return corners * size_px.repeat(1, 2)[:, None].to(corners)
