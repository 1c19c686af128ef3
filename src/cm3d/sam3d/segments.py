"""Segments of the bird's-eye image, and the points that fall into them."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat, NDArrayInt
from cm3d.geometry.rows import Rows


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


@dataclass(frozen=True)
class ConnectedComponents:
    """Every connected patch is a segment; the segmenter for when no SAM is at hand.

    Args:
        connectivity: 4 or 8 neighbours of a pixel.
    """

    connectivity: int

    def __call__(self, image: NDArrayByte) -> BevSegments:
        """Segment one image."""
        something = (image > 0).astype(np.uint8)
        count, labels = cv2.connectedComponents(something, connectivity=self.connectivity)
        return BevSegments(labels.astype(np.int64), np.ones(count - 1))


@dataclass(frozen=True, eq=False)
class StandingSegments(Rows):
    """S segments that hold points, each column (S,).

    Args:
        label: In the image, ascending.
        count: Points of each, at least one.
        bottom_m: Height of what it stands on.
        top_m: Height of its highest point.
    """

    label: NDArrayInt
    count: NDArrayInt
    bottom_m: NDArrayFloat
    top_m: NDArrayFloat

    @property
    def height_m(self) -> NDArrayFloat:
        """From the bottom to each segment's highest point, (S,)."""
        return self.top_m - self.bottom_m


def group_points(
    points_m: NDArrayFloat, bottom_m: NDArrayFloat, labels: NDArrayInt
) -> tuple[StandingSegments, list[NDArrayFloat]]:
    """Sort points (N, 3) by label (N,); label 0 is dropped.

    Args:
        points_m: z up.
        bottom_m: (N,) height of what each could stand on; a segment stands on the lowest.
        labels: Segment of each.

    Returns:
        The segments, and the points (P_i, 2) of each from above.
    """
    order = np.argsort(labels, kind="stable")[np.count_nonzero(labels == 0) :]
    label, start, count = np.unique(labels[order], return_index=True, return_counts=True)
    sorted_m = points_m[order]
    lowest_m = np.minimum.reduceat(bottom_m[order], start) if len(start) else np.empty(0)
    highest_m = np.maximum.reduceat(sorted_m[:, 2], start) if len(start) else np.empty(0)
    groups_m = [sorted_m[i : i + n, :2] for i, n in zip(start, count, strict=True)]
    return StandingSegments(label, count, lowest_m, highest_m), groups_m
