"""Masks of everything in an image, by prompts all over it.

After the automatic mask generation of Kirillov et al. (ICCV 2023, appendix B), without crops.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat
from cm3d.geometry.iou import image_iou
from cm3d.geometry.nms import overlap_nms
from cm3d.shelf.sam.sam import EmbeddedImage, Sam

_STABILITY_OFFSET = 1.0  # logits


class Masks(NamedTuple):
    """N masks of an image, best first.

    Args:
        masks: (N, H, W).
        quality: (N,) IoU with the object that the network expects.
    """

    masks: NDArrayBool
    quality: NDArrayFloat


@dataclass(frozen=True)
class MaskFilter:
    """Which masks stay.

    Args:
        min_iou: IoU that the network must expect at least (not reached by equality).
        min_stability: IoU of the masks one logit above and below the threshold.
        nms_iou: Of the boxes around two masks, from which on only the better one stays.
    """

    min_iou: float
    min_stability: float
    nms_iou: float


class _Found(NamedTuple):
    """Masks of some prompts that pass the filter but for duplicates; pixels packed to bits."""

    packed: NDArrayByte
    box_px: NDArrayFloat
    quality: NDArrayFloat


def generate_masks(
    sam: Sam, image: EmbeddedImage, points_px: NDArrayFloat, keep: MaskFilter, prompt_batch: int
) -> Masks:
    """Outline whatever lies at points (N, 2) x, y of an image.

    Args:
        sam: The network.
        image: Encoded by it.
        points_px: Where to look; three masks of each are considered.
        keep: Which masks stay.
        prompt_batch: Points at once.
    """
    batches = [_Found(*_nothing(image))]
    for start in range(0, len(points_px), prompt_batch):
        batches.extend(_at(sam, image, points_px[start : start + prompt_batch], keep))
    found = _Found(*(np.concatenate(column) for column in zip(*batches, strict=True)))
    same_kind = np.zeros(len(found.quality), dtype=np.int64)
    iou = image_iou(found.box_px, found.box_px)
    best = overlap_nms(iou, found.quality, same_kind, keep.nms_iou)
    bits = np.unpackbits(found.packed[best], axis=2, count=image.shape_px[1])
    return Masks(bits.astype(bool), found.quality[best])


def _at(
    sam: Sam, image: EmbeddedImage, points_px: NDArrayFloat, keep: MaskFilter
) -> Iterator[_Found]:
    """What some points show."""
    coarse, quality = sam.from_points(image, points_px)
    # Before scaling up, which costs most.
    sure = quality > keep.min_iou
    logits, quality = sam.on_image(coarse[sure], image), quality[sure]
    stable = stability(logits) >= keep.min_stability
    masks = logits[stable] > 0
    if len(masks):
        yield _Found(
            np.packbits(masks.cpu().numpy(), axis=2),
            boxes_around(masks).double().cpu().numpy(),
            quality[stable].double().cpu().numpy(),
        )


def _nothing(image: EmbeddedImage) -> tuple[NDArrayByte, NDArrayFloat, NDArrayFloat]:
    height_px, width_px = image.shape_px
    packed = np.zeros((0, height_px, -(-width_px // 8)), dtype=np.uint8)
    return packed, np.zeros((0, 4)), np.zeros(0)


def stability(logits: torch.Tensor) -> torch.Tensor:
    """How little masks (N, H, W) depend on the threshold, (N,): an IoU, nan for empty ones."""
    inner = (logits > _STABILITY_OFFSET).flatten(1).sum(1)
    outer = (logits > -_STABILITY_OFFSET).flatten(1).sum(1)
    return inner / outer


def boxes_around(masks: torch.Tensor) -> torch.Tensor:
    """First and last column and row of masks (N, H, W), (N, 4) as x, y, x, y; 0 for empty ones."""
    columns, rows = masks.any(1), masks.any(2)
    first = torch.stack([_first(columns), _first(rows)], dim=1)
    last = torch.stack([_last(columns), _last(rows)], dim=1)
    return torch.cat([first, last], dim=1) * rows.any(1)[:, None]


def _first(present: torch.Tensor) -> torch.Tensor:
    return present.int().argmax(1)


def _last(present: torch.Tensor) -> torch.Tensor:
    return present.shape[1] - 1 - present.flip(1).int().argmax(1)
