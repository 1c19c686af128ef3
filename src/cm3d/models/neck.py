"""The neck: brings the features of all blocks to one resolution and stacks them."""

import torch
from torch import Tensor, nn

from cm3d.models.norm import build_norm
from cm3d.params import Detector


class Neck(nn.Module):
    """One convolution per block, transposed where the block is coarser than the maps (SECOND)."""

    def __init__(self, detector: Detector) -> None:
        """Build from the `detector` section."""
        super().__init__()
        self.channels = detector.neck_channels * len(detector.block_channels)
        pairs = zip(detector.block_channels, detector.neck_upsampling, strict=True)
        self.resamplers = nn.ModuleList(
            nn.Sequential(
                _resampling(channels, detector.neck_channels, upsampling),
                build_norm(detector.neck_channels, detector),
                nn.ReLU(inplace=True),
            )
            for channels, upsampling in pairs
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, neck_channels x blocks, rows, columns) at the resolution of the head's maps."""
        pairs = zip(self.resamplers, features, strict=True)
        return torch.cat([resample(feature) for resample, feature in pairs], dim=1)


def _resampling(channels_in: int, channels_out: int, upsampling: float) -> nn.Module:
    """A convolution whose kernel is as wide as its stride."""
    if upsampling > 1:
        factor = round(upsampling)
        return nn.ConvTranspose2d(channels_in, channels_out, factor, factor, bias=False)
    factor = round(1 / upsampling)
    return nn.Conv2d(channels_in, channels_out, factor, factor, bias=False)
