"""The bird's-eye backbone: blocks of 3x3 convolutions at falling resolution."""

from torch import Tensor, nn

from cm3d.models.norm import BatchNorm, build_norm
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
