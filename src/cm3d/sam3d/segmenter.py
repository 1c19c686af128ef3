"""Segments of the bird's-eye image."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat, NDArrayInt


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
