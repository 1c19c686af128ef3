"""What the segmenter learns from: crops with outlines, losses."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator, default_rng
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.simulation.networks.segmenter import CROP_PX, cut_crops, frames_of, sample_positions
from cm3d.simulation.teaching.augmentation import disturbed
from cm3d.simulation.teaching.drives import Drives, Photograph, visible_objects

_IMAGES: Final = 8
_BOXES_PER_IMAGE: Final = 8
# Standard deviation of the sides of boxes, in box sizes: a detector's mostly, now and then a poor
# one's.
_JITTER: Final = 0.04
_POOR_JITTER: Final = 0.1
_POOR_SHARE: Final = 0.2

Example = tuple[Tensor, Tensor]


class SegmenterBatches(IterableDataset[Example]):
    """Crops of random objects in boxes as a detector gives them, with their masks."""

    def __init__(self, drives: Drives, seed: int) -> None:
        """Take the photographs; draws depend on the seed and the worker."""
        self._drives, self._seed = drives, seed

    def __iter__(self) -> Iterator[Example]:
        """Crops (N, 3, CROP_PX, CROP_PX) in [0, 1] and masks (N, CROP_PX, CROP_PX)."""
        worker = get_worker_info()
        rng = default_rng([self._seed, worker.id if worker else 0])
        while True:
            crops, masks = zip(*(self._examples(rng) for _ in range(_IMAGES)), strict=True)
            yield torch.cat(crops), torch.cat(masks)

    def _examples(self, rng: Generator) -> Example:
        photograph = self._drives[int(rng.integers(len(self._drives)))]
        objects = visible_objects(photograph)
        usable = np.flatnonzero(~objects.is_small)
        chosen = rng.permutation(usable)[:_BOXES_PER_IMAGE]
        boxes_px = jittered(objects.box_px[chosen], rng)
        rgb = torch.from_numpy(photograph.rgb).permute(2, 0, 1).float() / 255
        frames_px = frames_of(torch.from_numpy(boxes_px).float())
        crops = _disturbed(cut_crops(rgb, frames_px), rng)
        masks = _true_masks(photograph, objects.instance_id[chosen], frames_px)
        return (crops.flip(3), masks.flip(2)) if rng.random() < 0.5 else (crops, masks)


def jittered(boxes_px: NDArrayFloat, rng: Generator) -> NDArrayFloat:
    """Boxes (N, 4) as a detector might give them."""
    poor = rng.random(len(boxes_px)) < _POOR_SHARE
    deviation = np.where(poor, _POOR_JITTER, _JITTER)[:, None]
    noise = np.clip(rng.standard_normal(boxes_px.shape), -2, 2) * deviation
    size_px = np.tile(boxes_px[:, 2:] - boxes_px[:, :2], 2)
    # Never more precise than a part of a pixel.
    return np.asarray(boxes_px + noise * size_px + rng.uniform(-0.5, 0.5, boxes_px.shape))


def _disturbed(crops: Tensor, rng: Generator) -> Tensor:
    """Crops (N, 3, CROP_PX, CROP_PX) with the same disturbance: a crop is less than an image."""
    if len(crops) == 0:
        return crops
    column = (crops.permute(0, 2, 3, 1).reshape(-1, CROP_PX, 3) * 255).byte().numpy()
    together = torch.from_numpy(disturbed(column, rng)).float() / 255
    return together.reshape(-1, CROP_PX, CROP_PX, 3).permute(0, 3, 1, 2)


def _true_masks(photograph: Photograph, instance_id: NDArrayInt, frames_px: Tensor) -> Tensor:
    ids = photograph.instance_id
    position = np.floor(sample_positions(frames_px).numpy()).astype(np.int64)
    limits = np.array([[ids.shape[1]], [ids.shape[0]]])
    inside = (position >= 0) & (position < limits)
    columns, rows = position.clip(0, limits - 1).transpose(1, 0, 2)
    shown = ids[rows[:, :, None], columns[:, None, :]] == instance_id[:, None, None]
    shown &= inside[:, 1, :, None] & inside[:, 0, None, :]
    return torch.from_numpy(shown.astype(np.float32))


def segmenter_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy per pixel, and Dice per mask so that thin objects count as much as full ones.

    Args:
        logits: (N, H, W).
        masks: (N, H, W) in {0, 1}.
    """
    probability = torch.sigmoid(logits)
    common = (probability * masks).sum(dim=(1, 2))
    total = probability.sum(dim=(1, 2)) + masks.sum(dim=(1, 2))
    dice = 1 - (2 * common + 1) / (total + 1)
    return F.binary_cross_entropy_with_logits(logits, masks) + dice.mean()
