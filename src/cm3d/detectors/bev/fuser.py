"""Two bird's-eye maps as one (BEVFusion's ConvFuser)."""

import torch
from torch import Tensor, nn

from cm3d.detectors.bev.second import convolution
from cm3d.detectors.norm import build_norm
from cm3d.params import Detector


class Fuser(nn.Module):
    """Beside each other, then a 3x3 convolution to as many channels as the LiDAR's map has."""

    def __init__(self, cameras: int, lidar: int, detector: Detector) -> None:
        """Build for maps of so many channels."""
        super().__init__()
        self.mix = convolution(cameras + lidar, build_norm(lidar, detector))

    def forward(self, cameras: Tensor, lidar: Tensor) -> Tensor:
        """(B, lidar channels, rows, columns)."""
        mixed: Tensor = self.mix(torch.cat([cameras, lidar], dim=1))
        return mixed
