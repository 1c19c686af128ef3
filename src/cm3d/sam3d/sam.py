"""Segments of the bird's-eye image by Segment Anything, as SAM3D has them."""

from collections.abc import Iterator
from dataclasses import dataclass

import matplotlib
import numpy as np
import torch

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat
from cm3d.geometry.overlap import image_iou, overlap_nms
from cm3d.geometry.rows import Rows
from cm3d.params import MaskGenerator
from cm3d.sam3d.segments import BevSegments
from cm3d.segment.sam.from_transformers import load_sam
from cm3d.segment.sam.network import EmbeddedImage, Sam
from cm3d.shelf.pretrained import model_folder
from cm3d.shelf.runtime import Runtime

_STABILITY_OFFSET = 1.0  # logits


@dataclass(frozen=True, eq=False)
class BevMasks(Rows):
    """N masks of an image, best first.

    Args:
        masks: (N, H, W).
        quality: (N,) IoU with the object that the network expects.
    """

    masks: NDArrayBool
    quality: NDArrayFloat


_KEY = "sam3d.sam"


@dataclass(frozen=True, eq=False)
class SamBevSegmenter:
    """Outlines what lies wherever something is drawn; meets `BevSegmenter`.

    Args:
        sam: The network.
        generator: Which masks stay.
        pixel_m: Side of a pixel of the images.
    """

    sam: Sam
    generator: MaskGenerator
    pixel_m: float

    def __call__(self, image: NDArrayByte) -> BevSegments:
        """Segment one image (side, side)."""
        return as_segments(self.masks(image), image)

    def masks(self, image: NDArrayByte) -> BevMasks:
        """What SAM outlines in one image; masks may overlap."""
        (embedded,) = self.sam.embed([self.sam.canvas(coloured(image))])
        prompts_px = occupied_prompts(image, self.generator.prompt_spacing_m / self.pixel_m)
        return generate_masks(self.sam, embedded, prompts_px, self.generator)


def as_segments(found: BevMasks, image: NDArrayByte) -> BevSegments:
    """Label each pixel of the image with its surest mask; networks may expect an IoU above 1."""
    quality = np.clip(found.quality, 0.0, 1.0)
    if len(found) == 0:
        return BevSegments(np.zeros(image.shape, dtype=np.int64), quality)
    surest = found.masks.argmax(axis=0) + 1  # masks are sorted, the first one wins
    return BevSegments(np.where(found.masks.any(axis=0), surest, 0), quality)


def build_sam(generator: MaskGenerator, pixel_m: float, device: str) -> SamBevSegmenter:
    """The segmenter that section `sam3d.sam` describes, on `execution.device`.

    Args:
        generator: That section.
        pixel_m: Side of a pixel of the images.
        device: Where it runs.

    Raises:
        InputError: Its weights are not there, or are of something else.
    """
    runtime = Runtime.choose(device, generator.precision)
    folder = model_folder(generator.model, generator.revision, _KEY)
    return SamBevSegmenter(load_sam(folder, runtime, _KEY), generator, pixel_m)


@dataclass(frozen=True, eq=False)
class _Found(Rows):
    """Masks of some prompts that pass the filter but for duplicates; pixels packed to bits."""

    packed: NDArrayByte
    box_px: NDArrayFloat
    quality: NDArrayFloat


def generate_masks(
    sam: Sam, image: EmbeddedImage, points_px: NDArrayFloat, generator: MaskGenerator
) -> BevMasks:
    """Outline whatever lies at points (N, 2) x, y of an image.

    Args:
        sam: The network.
        image: Encoded by it.
        points_px: Where to look; three masks of each are considered.
        generator: Which masks stay, and points at once.
    """
    height_px, width_px = image.shape_px
    no_bits = np.zeros((0, height_px, -(-width_px // 8)), dtype=np.uint8)
    batches = [_Found(no_bits, np.zeros((0, 4)), np.zeros(0))]
    for start in range(0, len(points_px), generator.prompt_batch):
        some_px = points_px[start : start + generator.prompt_batch]
        batches.extend(_at(sam, image, some_px, generator))
    found = _Found.concatenate(batches)
    same_kind = np.zeros(len(found), dtype=np.int64)
    iou = image_iou(found.box_px, found.box_px)
    best = overlap_nms(iou, found.quality, same_kind, generator.nms_iou)
    bits = np.unpackbits(found.packed[best], axis=2, count=width_px)
    return BevMasks(bits.astype(bool), found.quality[best])


def _at(
    sam: Sam, image: EmbeddedImage, points_px: NDArrayFloat, generator: MaskGenerator
) -> Iterator[_Found]:
    """What some points show."""
    coarse, quality = sam.from_points(image, points_px)
    # Before scaling up, which costs most.
    sure = quality > generator.min_iou
    logits, quality = sam.on_image(coarse[sure], image), quality[sure]
    stable = stability(logits) >= generator.min_stability
    masks = logits[stable] > 0
    if len(masks):
        yield _Found(
            np.packbits(masks.cpu().numpy(), axis=2),
            boxes_around(masks).double().cpu().numpy(),
            quality[stable].double().cpu().numpy(),
        )


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


def coloured(image: NDArrayByte) -> NDArrayByte:
    """Grey values (H, W) from 1 to 255 as the colours of a rainbow (H, W, 3), 0 as black."""
    brightness = (image.astype(np.float64) - 1) / 254
    colours = matplotlib.colormaps["rainbow"](brightness, bytes=True)[..., :3]
    return np.asarray(np.where(image[..., None] > 0, colours, np.uint8(0)))


def occupied_prompts(image: NDArrayByte, spacing_px: float) -> NDArrayFloat:
    """Points x, y (N, 2) where an image (H, W) shows something, one per cell that does.

    SAM3D prompts an even grid, which misses what is smaller than its step. Here the point of a
    cell is the drawn pixel nearest to the mean of those in it; of equals, the first in reading
    order.

    Args:
        image: 0 where empty.
        spacing_px: Side of the square cells, the first of which begins at the image's corner.
    """
    y, x = np.nonzero(image)
    column, row = (np.floor(axis / spacing_px).astype(np.int64) for axis in (x, y))
    key = row * (column.max(initial=0) + 1) + column
    _, cell, count = np.unique(key, return_inverse=True, return_counts=True)
    # Whole numbers, so that equal distances are equal: that to the mean, times the count.
    distance = np.zeros(len(cell), dtype=np.int64)
    for axis in (x, y):
        total = np.bincount(cell, weights=axis).astype(np.int64)
        distance += (count[cell] * axis - total[cell]) ** 2
    nearest_first = np.lexsort((distance, cell))
    nearest = nearest_first[np.cumsum(count) - count]
    return np.asarray(np.column_stack([x, y])[nearest], dtype=np.float64)
