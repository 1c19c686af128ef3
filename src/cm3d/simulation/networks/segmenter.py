"""The mask network: which pixels of a small picture of a box belong to the object in it."""

from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cm3d.simulation.networks.layers import Convolution, Residual

CROP_PX: Final = 64
# Surroundings on each side, in box sizes: what the object stands before, and room for boxes that
# are too small.
MARGIN: Final = 0.2

_CHANNELS: Final = (16, 32, 64, 96)  # at strides 1, 2, 4, 8
_MAX_HALVINGS: Final = 4


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


def frames_of(boxes_px: Tensor) -> Tensor:
    """Boxes (N, 4) x_min, y_min, x_max, y_max with their margins; what crops show."""
    size_px = (boxes_px[:, 2:] - boxes_px[:, :2]).repeat(1, 2)
    outward = torch.tensor([-MARGIN, -MARGIN, MARGIN, MARGIN], device=boxes_px.device)
    return boxes_px + outward * size_px


def box_plane(device: torch.device) -> Tensor:
    """Where the box is in every crop: (CROP_PX, CROP_PX), 1 inside, 0 in the margin."""
    inside = (_crop_middles(device) - 0.5).abs() < 0.5 / (1 + 2 * MARGIN)
    return (inside[:, None] & inside[None]).float()


def cut_crops(image: Tensor, frames_px: Tensor) -> Tensor:
    """Show frames (N, 4) of an image (3, H, W) at one size, black outside of the image.

    Large frames are cut from the image halved as often as it takes, lest pixels are skipped.

    Returns:
        (N, 3, CROP_PX, CROP_PX).
    """
    side_px = (frames_px[:, 2:] - frames_px[:, :2]).clamp(min=1).prod(dim=1).sqrt()
    halvings = torch.log2(side_px / CROP_PX).round().long().clamp(0, _MAX_HALVINGS)
    crops = torch.empty(len(frames_px), 3, CROP_PX, CROP_PX, device=image.device)
    for times in sorted(set(halvings.tolist())):
        chosen = halvings == times
        scaled = F.avg_pool2d(image[None], 2**times, ceil_mode=True, count_include_pad=False)
        crops[chosen] = _sampled(scaled, frames_px[chosen] / 2**times)
    return crops


def paste_masks(probability: Tensor, frames_px: Tensor, width_px: int, height_px: int) -> Tensor:
    """Masks (N, height_px, width_px) from probabilities (N, CROP_PX, CROP_PX) in frames (N, 4)."""
    across = _interpolation(frames_px[:, 0], frames_px[:, 2], width_px)
    down = _interpolation(frames_px[:, 1], frames_px[:, 3], height_px)
    return (down @ probability @ across.transpose(1, 2)) > 0.5


def sample_positions(frames_px: Tensor) -> Tensor:
    """Where the middles of crops' pixels are in the image: (N, 2, CROP_PX), x and y."""
    low, size = frames_px[:, :2], frames_px[:, 2:] - frames_px[:, :2]
    return low[..., None] + size[..., None] * _crop_middles(frames_px.device)


def _sampled(image: Tensor, frames_px: Tensor) -> Tensor:
    limits = torch.tensor([image.shape[3], image.shape[2]], device=image.device)
    x_px, y_px = sample_positions(frames_px).unbind(1)
    columns, rows = 2 * x_px / limits[0] - 1, 2 * y_px / limits[1] - 1
    shape = (len(frames_px), CROP_PX, CROP_PX)
    grid = torch.stack([columns[:, None].expand(shape), rows[..., None].expand(shape)], dim=-1)
    below_each_other = grid.reshape(1, -1, CROP_PX, 2)
    sampled = F.grid_sample(image, below_each_other, mode="bilinear", align_corners=False)
    return sampled[0].reshape(3, -1, CROP_PX, CROP_PX).transpose(0, 1)


def _crop_middles(device: torch.device) -> Tensor:
    return (torch.arange(CROP_PX, device=device) + 0.5) / CROP_PX


def _interpolation(low_px: Tensor, high_px: Tensor, pixels: int) -> Tensor:
    """Weights (N, pixels, CROP_PX) that stretch crops over [low, high]; 0 outside."""
    middles = torch.arange(pixels, device=low_px.device) + 0.5
    size_px = (high_px - low_px).clamp(min=1e-6)[:, None]
    position = (middles - low_px[:, None]) / size_px * CROP_PX - 0.5
    inside = (position >= -0.5) & (position < CROP_PX - 0.5)
    nearest = position.clamp(0, CROP_PX - 1)[..., None]
    distance = (nearest - torch.arange(CROP_PX, device=low_px.device)).abs()
    return (1 - distance).clamp(min=0) * inside[..., None]
