"""From the grid of a detector's maps to the pixels of masks."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.detectors.grid import Grid
from cm3d.geometry.ground_map import MASK_CELL_M, MASK_RANGE_M, MASK_SIZE


class GridTransform(nn.Module):
    """Bilinear samples of a map at the centres of a mask's pixels; outside the map is 0."""

    places: Tensor

    def __init__(self, grid: Grid) -> None:
        """Build for maps of a grid."""
        super().__init__()
        centre_m = (torch.arange(MASK_SIZE) + 0.5) * MASK_CELL_M - MASK_RANGE_M
        y, x = torch.meshgrid(centre_m / grid.range_m, centre_m / grid.range_m, indexing="ij")
        self.register_buffer("places", torch.stack([x, y], dim=-1)[None], persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, channels, rows, columns) of masks, of maps likewise."""
        places = self.places.expand(len(maps), -1, -1, -1)
        # positions do not survive half precision
        with torch.autocast(maps.device.type, enabled=False):
            return functional.grid_sample(maps.float(), places, align_corners=False)
