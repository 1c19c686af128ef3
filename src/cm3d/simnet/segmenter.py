"""The mask network: which pixels of a small picture of a box belong to the object in it."""

from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cm3d.simnet.crops import CROP_PX, box_plane
from cm3d.simnet.layers import Convolution, Residual

_CHANNELS: Final = (16, 32, 64, 96)  # at strides 1, 2, 4, 8


class SegmenterNetwork(nn.Module):
    """A U-Net (Ronneberger et al., MICCAI 2015) on crops of fixed size."""

    def __init__(self) -> None:
        """Draw random weights."""
        super().__init__()
        self.stem = Convolution(4, _CHANNELS[0])
        self.downs = nn.ModuleList(
            nn.Sequential(Convolution(before, after, stride=2), Residual(after))
            for before, after in pairwise(_CHANNELS)
        )
        self.ups = nn.ModuleList(
            Convolution(below + here, here)
            for below, here in zip(_CHANNELS[:0:-1], _CHANNELS[-2::-1], strict=True)
        )
        self.mask = nn.Conv2d(_CHANNELS[0], 1, 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Mask logits (N, CROP_PX, CROP_PX) of RGB crops (N, 3, CROP_PX, CROP_PX) in [0, 1]."""
        box = box_plane(crops.device).expand(len(crops), 1, CROP_PX, CROP_PX)
        levels = [self.stem(torch.cat([(crops - 0.45) / 0.25, box], dim=1))]
        for down in self.downs:
            levels.append(down(levels[-1]))
        top = levels.pop()
        for up in self.ups:
            wider = F.interpolate(top, scale_factor=2.0, mode="nearest")
            top = up(torch.cat([wider, levels.pop()], dim=1))
        return torch.as_tensor(self.mask(top)[:, 0])
