"""The neck: brings the features of all blocks to the finest resolution and stacks them."""

import math

import torch
from torch import Tensor, nn

from cm3d.params import Detector


class Neck(nn.Module):
    """One transposed convolution per block, as wide as its stride against the first block."""

    def __init__(self, detector: Detector) -> None:
        """Build from the `detector` section."""
        super().__init__()
        self.channels = detector.neck_channels * len(detector.block_channels)
        strides = [
            math.prod(detector.block_strides[1:index])
            for index in range(1, len(detector.block_strides) + 1)
        ]
        self.upsamplers = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(channels, detector.neck_channels, stride, stride, bias=False),
                nn.BatchNorm2d(detector.neck_channels, eps=1e-3),
                nn.ReLU(inplace=True),
            )
            for channels, stride in zip(detector.block_channels, strides, strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, neck_channels x blocks, rows, columns) at the first block's resolution."""
        pairs = zip(self.upsamplers, features, strict=True)
        return torch.cat([upsample(feature) for upsample, feature in pairs], dim=1)
