"""LiDAR points by the segment that they fall into."""

from dataclasses import dataclass

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt


@dataclass(frozen=True, eq=False)
class SegmentPoints:
    """The points of S segments, segment after segment.

    Args:
        points_m: (P, 3) points, sorted by segment.
        label: (S,) label of each segment, ascending.
        start: (S,) first point of each segment.
        count: (S,) points of each segment, at least one.
        ground_m: (S,) height of the ground below each segment.
        top_m: (S,) height of each segment's highest point.
    """

    points_m: NDArrayFloat
    label: NDArrayInt
    start: NDArrayInt
    count: NDArrayInt
    ground_m: NDArrayFloat
    top_m: NDArrayFloat

    @classmethod
    def group(
        cls, points_m: NDArrayFloat, ground_m: NDArrayFloat, labels: NDArrayInt
    ) -> "SegmentPoints":
        """Sort points (N, 3) over ground (N,) by label (N,); label 0 is dropped."""
        order = np.argsort(labels, kind="stable")[np.count_nonzero(labels == 0) :]
        label, start, count = np.unique(labels[order], return_index=True, return_counts=True)
        sorted_m = points_m[order]
        lowest_m = np.minimum.reduceat(ground_m[order], start) if len(start) else np.empty(0)
        highest_m = np.maximum.reduceat(sorted_m[:, 2], start) if len(start) else np.empty(0)
        return cls(sorted_m, label, start, count, lowest_m, highest_m)

    @property
    def height_m(self) -> NDArrayFloat:
        """From the ground to each segment's highest point, (S,)."""
        return self.top_m - self.ground_m

    def select(self, chosen: NDArrayBool) -> "SegmentPoints":
        """Some of the segments; the points stay where they are."""
        return SegmentPoints(
            self.points_m,
            self.label[chosen],
            self.start[chosen],
            self.count[chosen],
            self.ground_m[chosen],
            self.top_m[chosen],
        )

    def xy_m(self) -> list[NDArrayFloat]:
        """The points (P_i, 2) of each segment from above."""
        stop = self.start + self.count
        return [self.points_m[i:j, :2] for i, j in zip(self.start, stop, strict=True)]
