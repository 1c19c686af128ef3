"""The detector's network: where objects' middles are, and how far it is to their four sides.

A centre heatmap at stride 4 whose local maxima are objects (CenterNet, Zhou et al., 2019), with
distances to the sides of the box learnt in all cells around the middle (TTFNet, Liu et al., AAAI
2020), because it learns in a fraction of the time.
"""

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cm3d.geometry.arrays import NDArrayByte
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.networks.layers import Convolution, Residual

STRIDE_PX: Final = 4

_STEM: Final = 16
_CHANNELS: Final = (32, 64, 128, 192)  # at strides 4, 8, 16, 32
_BLOCKS: Final = (1, 2, 2, 2)
_NECK: Final = 48
_PRIOR: Final = 0.01  # probability that the untrained heatmap shows
_TYPICAL_SIDE_PX: Final = 16.0
_MAX_BOXES: Final = 100  # per image; simulated streets show a third of that at most

# The embedded data set's images are 800x450, and so were all that the detector has seen.
_LONGER_SIDE_PX: Final = 800
_MULTIPLE_PX: Final = 32  # the stride of the deepest features
_GREY: Final = 115


class Maxima(NamedTuple):
    """Objects of one image.

    Args:
        class_index: (N,) position in `classes.CLASS_NAMES`.
        score: (N,) in [0, 1].
        box_px: (N, 4) x_min, y_min, x_max, y_max in the network's pixels.
    """

    class_index: Tensor
    score: Tensor
    box_px: Tensor


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


def boxes_around_cells(sides_px: Tensor) -> Tensor:
    """Boxes (B, 4, h, w) x_min, y_min, x_max, y_max from distances of cells' middles to sides."""
    rows, columns = sides_px.shape[2:]
    x_px = (torch.arange(columns, device=sides_px.device) + 0.5) * STRIDE_PX
    y_px = (torch.arange(rows, device=sides_px.device)[:, None] + 0.5) * STRIDE_PX
    left, up, right, down = sides_px.unbind(1)
    return torch.stack([x_px - left, y_px - up, x_px + right, y_px + down], dim=1)


def decode(logits: Tensor, sides_px: Tensor, min_score: float) -> list[Maxima]:
    """Local maxima of each class's heatmap, best first.

    Args:
        logits: (B, 10, h, w).
        sides_px: (B, 4, h, w).
        min_score: Lower maxima are no objects.
    """
    score = torch.sigmoid(logits.float())
    is_maximum = score == F.max_pool2d(score, 3, stride=1, padding=1)
    ranked, chosen = (score * is_maximum).flatten(1).topk(min(_MAX_BOXES, score[0].numel()), dim=1)
    area = logits.shape[2] * logits.shape[3]
    boxes_px = boxes_around_cells(sides_px.float()).flatten(2)
    found = []
    for image, best in enumerate(ranked):
        cell = chosen[image][best >= min_score]
        box_px = boxes_px[image][:, cell % area].T
        found.append(Maxima(cell // area, best[best >= min_score], box_px))
    return found


def working_scale(height_px: int, width_px: int) -> float:
    """Factor that brings the longer side to the working size."""
    return _LONGER_SIDE_PX / max(height_px, width_px)


def at_working_size(image: NDArrayByte) -> NDArrayByte:
    """An RGB image (H, W, 3) scaled to the working size, with grey at its right and lower end.

    The grey fills up to whole multiples of the network's stride.
    """
    height_px, width_px = image.shape[:2]
    scale = working_scale(height_px, width_px)
    size_px = (max(round(width_px * scale), 1), max(round(height_px * scale), 1))
    if size_px != (width_px, height_px):
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size_px, interpolation=interpolation), dtype=np.uint8)
    right, below = -size_px[0] % _MULTIPLE_PX, -size_px[1] % _MULTIPLE_PX
    return np.pad(image, ((0, below), (0, right), (0, 0)), constant_values=_GREY)


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
