"""Segments of the bird's-eye image by Segment Anything, as SAM3D has them."""

from dataclasses import dataclass

import numpy as np

from cm3d.geometry.arrays import NDArrayByte
from cm3d.params import MaskGenerator
from cm3d.sam3d.automatic import MaskFilter, Masks, generate_masks
from cm3d.sam3d.prompts import coloured, grid_prompts
from cm3d.sam3d.segmenter import BevSegments
from cm3d.shelf.runtime import Runtime
from cm3d.shelf.sam.from_transformers import load_sam
from cm3d.shelf.sam.sam import Sam
from cm3d.shelf.weights import model_folder

_KEY = "sam3d.sam"


@dataclass(frozen=True, eq=False)
class SamBevSegmenter:
    """Outlines what lies at the points of a grid; meets `segmenter.BevSegmenter`.

    Args:
        sam: The network.
        generator: The grid, and which masks stay.
    """

    sam: Sam
    generator: MaskGenerator

    def __call__(self, image: NDArrayByte) -> BevSegments:
        """Segment one image (side, side)."""
        return as_segments(self.masks(image), image)

    def masks(self, image: NDArrayByte) -> Masks:
        """What SAM outlines in one image; masks may overlap."""
        limits = self.generator
        (embedded,) = self.sam.embed([self.sam.canvas(coloured(image))])
        prompts_px = grid_prompts(image, limits.grid)
        keep = MaskFilter(limits.min_iou, limits.min_stability, limits.nms_iou)
        return generate_masks(self.sam, embedded, prompts_px, keep, limits.prompt_batch)


def as_segments(found: Masks, image: NDArrayByte) -> BevSegments:
    """Label each pixel of the image with its surest mask."""
    if len(found.masks) == 0:
        return BevSegments(np.zeros(image.shape, dtype=np.int64), found.quality)
    surest = found.masks.argmax(axis=0) + 1  # masks are sorted, the first one wins
    return BevSegments(np.where(found.masks.any(axis=0), surest, 0), found.quality)


def build_sam(generator: MaskGenerator, device: str) -> SamBevSegmenter:
    """The segmenter that section `sam3d.sam` describes, on `execution.device`.

    Raises:
        InputError: Its weights are not there, or are of something else.
    """
    runtime = Runtime.choose(device, generator.precision)
    folder = model_folder(generator.model, generator.revision, _KEY)
    return SamBevSegmenter(load_sam(folder, runtime, _KEY), generator)
