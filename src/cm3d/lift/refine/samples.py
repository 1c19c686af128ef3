"""A fixed number of points per object, so that all objects are fitted at once."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt


class Samples(NamedTuple):
    """Up to K points of each of N objects.

    Args:
        points_m: (N, K, 3), global frame.
        valid: (N, K) which of them are there.
    """

    points_m: NDArrayFloat
    valid: NDArrayBool

    def divisor(self) -> NDArrayInt:
        """(N,) points of each object, at least 1."""
        return np.asarray(np.maximum(self.valid.sum(axis=1), 1), dtype=np.int64)

    def mean(self) -> NDArrayFloat:
        """(N, 3) mean point of each object."""
        total_m = np.where(self.valid[..., None], self.points_m, 0.0).sum(axis=1)
        return np.asarray(total_m / self.divisor()[:, None])

    def rows(self, rows: NDArrayInt) -> "Samples":
        """Some of the objects."""
        return Samples(self.points_m[rows], self.valid[rows])


def sample_points(
    points_m: NDArrayFloat, owner: NDArrayInt, owners: NDArrayInt, most: int
) -> Samples:
    """Points of each object, spread evenly over their order.

    Args:
        points_m: (P, 3) points.
        owner: (P,) object of each, ascending.
        owners: (N,) objects that are asked for.
        most: K.
    """
    start = np.searchsorted(owner, owners)
    count = np.searchsorted(owner, owners, side="right") - start
    kept = np.minimum(count, most)
    rank = np.arange(most)
    valid = rank < kept[:, None]
    spread = rank * count[:, None] // np.maximum(kept, 1)[:, None]
    rows = np.where(valid, start[:, None] + spread, 0)
    padded_m = points_m if len(points_m) else np.zeros((1, 3))
    return Samples(padded_m[rows], valid)
