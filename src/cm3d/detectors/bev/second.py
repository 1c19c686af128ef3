"""SECOND's bird's-eye backbone, and the neck that brings its features to one resolution."""

import torch
from torch import Tensor, nn

from cm3d.detectors.norm import BatchNorm, build_norm
from cm3d.params import Detector


def convolution(channels_in: int, norm: BatchNorm, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, norm.num_features, 3, stride, padding=1, bias=False),
        norm,
        nn.ReLU(inplace=True),
    )


class Backbone(nn.Module):
    """One block per entry of `block_channels`, each led by a strided convolution (SECOND)."""

    def __init__(self, detector: Detector, channels_in: int) -> None:
        """Build from the `detector` section."""
        super().__init__()
        shapes = zip(
            [channels_in, *detector.block_channels[:-1]],
            detector.block_channels,
            detector.block_strides,
            detector.block_layers,
            strict=True,
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                convolution(before, build_norm(after, detector), stride),
                *(convolution(after, build_norm(after, detector)) for _ in range(layers)),
            )
            for before, after, stride, layers in shapes
        )

    def forward(self, canvas: Tensor) -> list[Tensor]:
        """Features of every block, finest first."""
        features = [canvas]
        for block in self.blocks:
            features.append(block(features[-1]))
        return features[1:]


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
