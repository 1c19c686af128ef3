"""The detector's network: where objects' middles are, and how far it is to their four sides.

A centre heatmap at stride 4 whose local maxima are objects (CenterNet, Zhou et al., 2019), with
distances to the sides of the box learnt in all cells around the middle (TTFNet, Liu et al., AAAI
2020), because it learns in a fraction of the time.
"""

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cm3d.simnet.layers import Convolution, Residual
from cm3d.tables.vocabulary import CLASS_NAMES

STRIDE_PX: Final = 4

_STEM: Final = 16
_CHANNELS: Final = (32, 64, 128, 192)  # at strides 4, 8, 16, 32
_BLOCKS: Final = (1, 2, 2, 2)
_NECK: Final = 48
_PRIOR: Final = 0.01  # probability that the untrained heatmap shows
_TYPICAL_SIDE_PX: Final = 16.0


class DetectorNetwork(nn.Module):
    """A small residual network, top-down merging of its features, one head."""

    def __init__(self) -> None:
        """Draw random weights."""
        super().__init__()
        self.stem = Convolution(3, _STEM, stride=2)
        before = (_STEM, *_CHANNELS[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(
                Convolution(channels_in, channels, stride=2),
                *(Residual(channels) for _ in range(blocks)),
            )
            for channels_in, channels, blocks in zip(before, _CHANNELS, _BLOCKS, strict=True)
        )
        self.laterals = nn.ModuleList(
            Convolution(channels, _NECK, kernel=1, relu=False) for channels in _CHANNELS
        )
        self.merge = Convolution(_NECK, _NECK)
        self.head = Convolution(_NECK, _NECK)
        self.heatmap = nn.Conv2d(_NECK, len(CLASS_NAMES), 1)
        self.sides = nn.Conv2d(_NECK, 4, 1)
        nn.init.constant_(_bias(self.heatmap), -math.log(1 / _PRIOR - 1))
        nn.init.normal_(self.heatmap.weight, std=0.01)
        nn.init.normal_(self.sides.weight, std=0.01)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Look at images.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], sides multiples of 32.

        Returns:
            Heatmap logits (B, 10, H / 4, W / 4), one channel per class; and distances in pixels
            (B, 4, H / 4, W / 4) from a cell's middle to the left, upper, right and lower side.
        """
        features = [self.stem((images - 0.45) / 0.25)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        merged = [
            lateral(level) for lateral, level in zip(self.laterals, features[1:], strict=True)
        ]
        top = merged.pop()
        while merged:
            top = F.relu(merged.pop() + F.interpolate(top, scale_factor=2.0, mode="nearest"))
        top = self.head(self.merge(top))
        sides_px = torch.exp(self.sides(top).clamp(-4, 5)) * _TYPICAL_SIDE_PX
        return self.heatmap(top), sides_px


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
