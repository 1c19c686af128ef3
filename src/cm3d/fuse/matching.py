"""Greedy matching of two sets of boxes (paper, appendix A)."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt


def greedy_match(iou: NDArrayFloat, min_iou: float) -> tuple[NDArrayInt, NDArrayInt]:
    """Pair rows and columns by descending overlap, each at most once.

    Args:
        iou: (N, M) overlaps. Of equal ones the first row, then the first column, goes first.
        min_iou: Overlap that a pair needs. Boxes that do not touch never pair.

    Returns:
        (K,) rows and (K,) columns of the pairs, best first.
    """
    rows, columns = np.nonzero((iou >= min_iou) & (iou > 0))
    order = np.argsort(-iou[rows, columns], kind="stable")
    row_free, column_free = np.ones(iou.shape[0], bool), np.ones(iou.shape[1], bool)
    pairs = []
    for row, column in zip(rows[order], columns[order], strict=True):
        if row_free[row] and column_free[column]:
            row_free[row] = column_free[column] = False
            pairs.append((row, column))
    matched = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]
