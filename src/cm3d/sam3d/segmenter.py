"""Segments of the bird's-eye image."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat, NDArrayInt
from cm3d.params import MaskGenerator, Sam3D


@dataclass(frozen=True, eq=False)
class BevSegments:
    """What a segmenter sees.

    Args:
        labels: (side, side) 0 for background, 1 to S for segments.
        quality: (S,) how sure the segmenter is of each, in [0, 1].
    """

    labels: NDArrayInt
    quality: NDArrayFloat


class BevSegmenter(Protocol):
    """Anything that cuts a bird's-eye image (side, side), 0 where empty, into segments.

    A model whose masks overlap, as SAM's do, labels a pixel with its surest mask.
    """

    def __call__(self, image: NDArrayByte) -> BevSegments:
        """Segment one image."""


def connected_components(image: NDArrayByte) -> BevSegments:
    """Every 8-connected patch is a segment; the segmenter for when no SAM is at hand."""
    count, labels = cv2.connectedComponents((image > 0).astype(np.uint8), connectivity=8)
    return BevSegments(labels.astype(np.int64), np.ones(count - 1))


def build_bev_segmenter(sam3d: Sam3D, device: str) -> BevSegmenter:
    """The segmenter that `sam3d.segmenter` names, on `execution.device`; SAM once per process.

    Raises:
        InputError: Its weights are not there.
    """
    return _sam(sam3d.sam, device) if sam3d.segmenter == "sam" else connected_components


@lru_cache(maxsize=1)
def _sam(generator: MaskGenerator, device: str) -> BevSegmenter:
    from cm3d.sam3d.sam import build_sam

    return build_sam(generator, device)
