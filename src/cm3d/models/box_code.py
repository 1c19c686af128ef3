"""How a box is written into the cell that holds its centre (CenterPoint's regression targets)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from torch import Tensor

from cm3d.models.grid import Grid

# Channels per term, in the order of the code: x, y within the cell (cells); z (m);
# log of length, width, height (m); sine and cosine of the yaw; x, y velocity (m/s).
BOX_TERMS: Final = {"offset": 2, "z": 1, "size": 3, "heading": 2, "velocity": 2}
CODE_SIZE: Final = sum(BOX_TERMS.values())

_MIN_SIZE_M = 0.01


@dataclass(frozen=True, eq=False)
class BoxTensors:
    """N boxes in the LiDAR frame, on a device; see `SensorBoxes`.

    Args:
        center_m: (N, 3).
        size_m: (N, 3) length, width, height.
        yaw_rad: (N,).
        velocity_mps: (N, 2), NaN where unknown.
    """

    center_m: Tensor
    size_m: Tensor
    yaw_rad: Tensor
    velocity_mps: Tensor

    def __getitem__(self, rows: Any) -> Self:
        """Select boxes by a boolean mask, an index tensor or a slice."""
        return type(self)(*(values[rows] for values in vars(self).values()))

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same boxes with each tensor changed alike, for instance moved to a device."""
        return type(self)(*(change(values) for values in vars(self).values()))


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
        size_m=code[:, 3:6].exp(),
        yaw_rad=torch.atan2(code[:, 6], code[:, 7]),
        velocity_mps=code[:, 8:10],
    )
