"""Exact medoids (paper, section 3.1): of a mask's points, the one nearest to all others."""

import numpy as np
from scipy.spatial.distance import cdist

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt

_WHOLE = 256  # up to so many points the whole distance matrix costs least
_BLOCK = 32  # rows of it held at once beyond, so memory stays at 32 x N


def medoids(
    points_m: NDArrayFloat, groups: NDArrayInt, min_points: int
) -> tuple[NDArrayInt, NDArrayFloat]:
    """The medoid of every group with enough points.

    Args:
        points_m: (P, 3) points, one row per membership: a point may belong to several groups.
        groups: (P,) group of each row, ascending.
        min_points: Smaller groups are left out.

    Returns:
        (G,) groups, ascending, and (G, 3) their medoids.
    """
    found, starts, counts = np.unique(groups, return_index=True, return_counts=True)
    enough = counts >= min_points
    found, starts, stops = found[enough], starts[enough], (starts + counts)[enough]
    medoid_rows = [
        start + medoid_index(points_m[start:stop])
        for start, stop in zip(starts, stops, strict=True)
    ]
    return found, points_m[np.array(medoid_rows, dtype=np.int64)]


def medoid_index(points_m: NDArrayFloat) -> int:
    """Index of argmin over x of the sum over p of ||p - x||, the first of equals.

    Exact, in blocks of rows. By the triangle inequality a row i with sum S_i says of any other
    S_j >= |n d_ij - S_i|; rows whose bound lies above the best sum so far are never computed.

    Args:
        points_m: (N, 3), N >= 1.
    """
    count = len(points_m)
    if count <= _WHOLE:
        return int(np.argmin(cdist(points_m, points_m).sum(axis=1)))
    sums = np.full(count, np.inf)
    lower_bound = np.zeros(count)
    block = np.linspace(0, count - 1, _BLOCK).astype(np.int64)
    while len(block):
        distance_m = cdist(points_m[block], points_m)
        sums[block] = distance_m.sum(axis=1)
        bounds = np.abs(count * distance_m - sums[block, None])
        lower_bound = np.maximum(lower_bound, bounds.max(axis=0))
        # The slack keeps ties and rounding from deciding.
        open_rows = (lower_bound <= sums.min() * (1 + 1e-9)) & np.isinf(sums)
        candidates = np.flatnonzero(open_rows)
        block = candidates[np.argsort(lower_bound[candidates], kind="stable")[:_BLOCK]]
    return int(np.argmin(sums))
