"""From features at several strides to features at the finest of them (BEVFusion's LSS-FPN)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.detectors.norm import build_norm
from cm3d.params import Detector


class Neck(nn.Module):
    """From coarse to fine: upsample, put beside the finer features, mix by 1x1 and 3x3."""

    def __init__(self, channels_in: Sequence[int], channels: int, detector: Detector) -> None:
        """Build for features of so many channels, finest first."""
        super().__init__()
        above = [channels] * (len(channels_in) - 2) + [channels_in[-1]]
        self.lateral = nn.ModuleList(
            _mixed(own + coarser, channels, 1, detector)
            for own, coarser in zip(channels_in, above, strict=False)
        )
        self.smooth = nn.ModuleList(
            _mixed(channels, channels, 3, detector) for _ in channels_in[:-1]
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(N, channels, h, w) at the finest resolution."""
        coarse = features[-1]
        for level in reversed(range(len(features) - 1)):
            fine = features[level]
            larger = functional.interpolate(
                coarse, fine.shape[-2:], mode="bilinear", align_corners=False
            )
            mixed = self.lateral[level](torch.cat([fine, larger], dim=1))
            coarse = self.smooth[level](mixed)
        return coarse


def _mixed(channels_in: int, channels: int, kernel: int, detector: Detector) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2, bias=False),
        build_norm(channels, detector),
        nn.ReLU(inplace=True),
    )
