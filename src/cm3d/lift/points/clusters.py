"""Connected groups of points, seen from above."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt

_CELL_M = 0.2  # points of a cell are linked without looking: keeps dense groups cheap
_APART_M = 1e4  # between groups, so that one search tree serves all


def in_largest_cluster(xy_m: NDArrayFloat, groups: NDArrayInt, link_m: NDArrayFloat) -> NDArrayBool:
    """Which points belong to the largest cluster of their group.

    Two points of a group are linked if the cells of 0.2 m that they fall into are nearer than
    the smaller of their link distances; linked points make a cluster. Of equally large ones the
    first stays.

    Args:
        xy_m: (P, 2) points.
        groups: (P,) group of each.
        link_m: (P,) largest distance to a neighbour.
    """
    cells = np.column_stack([groups, np.floor(xy_m / _CELL_M).astype(np.int64)])
    _, first, cell_of_point = np.unique(_keys(cells), return_index=True, return_inverse=True)
    reach_m = np.zeros(len(first))
    np.maximum.at(reach_m, cell_of_point, link_m)
    cluster = _linked(cells[first] * [_APART_M, _CELL_M, _CELL_M], reach_m)[cell_of_point]

    clusters, first, size = np.unique(cluster, return_index=True, return_counts=True)
    order = np.lexsort((first, -size, groups[first]))
    _, best = np.unique(groups[first][order], return_index=True)
    return np.isin(cluster, clusters[order[best]])


def _keys(cells: NDArrayInt) -> NDArrayInt:
    """One number for each row of integers (P, 3)."""
    from_zero = cells - cells.min(axis=0, initial=0)
    shape = tuple(from_zero.max(axis=0, initial=0) + 1)
    return np.asarray(np.ravel_multi_index(tuple(from_zero.T), shape), dtype=np.int64)


def _linked(position_m: NDArrayFloat, reach_m: NDArrayFloat) -> NDArrayInt:
    """Label cells (C, 3) by connected component."""
    count = len(position_m)
    pairs = KDTree(position_m).query_pairs(reach_m.max(initial=0.0), output_type="ndarray")
    distance_m = np.linalg.norm(position_m[pairs[:, 0]] - position_m[pairs[:, 1]], axis=1)
    near = distance_m <= np.minimum(reach_m[pairs[:, 0]], reach_m[pairs[:, 1]])
    rows, columns = pairs[near].T
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(count, count))
    _, label = connected_components(links, directed=False)
    return np.asarray(label, dtype=np.int64)
