"""How a box is written into the cell that holds its centre (CenterPoint's regression targets)."""

from typing import Final

import torch
from torch import Tensor

from cm3d.detectors.grid import Grid
from cm3d.detectors.inputs import BoxTensors

# Channels per term, in the order of the code: x, y within the cell (cells); z (m);
# log of length, width, height (m); sine and cosine of the yaw; x, y velocity (m/s).
BOX_TERMS: Final = {"offset": 2, "z": 1, "size": 3, "heading": 2, "velocity": 2}
CODE_SIZE: Final = sum(BOX_TERMS.values())

# What tables of boxes take, and room for rounding: a model that has hardly learned goes beyond.
_MIN_SIZE_M: Final = 0.011
_MAX_SIZE_M: Final = 999.0


def encode_boxes(boxes: BoxTensors, row: Tensor, column: Tensor, grid: Grid) -> Tensor:
    """Codes (N, 10) of boxes whose centres lie in the cells; unknown velocity stays NaN."""
    return torch.cat(
        [
            grid.continuous_cell(boxes.center_m[:, :2]) - torch.stack([column, row], dim=1),
            boxes.center_m[:, 2:],
            boxes.size_m.clamp(min=_MIN_SIZE_M).log(),
            boxes.yaw_rad.sin()[:, None],
            boxes.yaw_rad.cos()[:, None],
            boxes.velocity_mps,
        ],
        dim=1,
    )


def decode_boxes(code: Tensor, row: Tensor, column: Tensor, grid: Grid) -> BoxTensors:
    """The boxes that codes (N, 10) in the cells stand for."""
    center_xy_m = (torch.stack([column, row], dim=1) + code[:, :2]) * grid.cell_m - grid.range_m
    return BoxTensors(
        center_m=torch.cat([center_xy_m, code[:, 2:3]], dim=1),
        size_m=code[:, 3:6].exp().clamp(_MIN_SIZE_M, _MAX_SIZE_M),
        yaw_rad=torch.atan2(code[:, 6], code[:, 7]),
        velocity_mps=code[:, 8:10],
    )
