"""Words as numbers: where each stands in a vocabulary, compared and sorted in bulk."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cm3d.geometry.arrays import NDArrayInt, NDArrayObject


def positions(values: NDArrayObject, words: Iterable[str]) -> NDArrayInt:
    """Position (N,) of each value in `words`; -1 where it is not there."""
    known = pa.array(list(words), pa.string())
    found = pc.index_in(pa.array(values, pa.string()), value_set=known)
    return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def codes(values: NDArrayObject) -> NDArrayInt:
    """One number (N,) per distinct value, in order of appearance."""
    encoded = pa.array(values, pa.string()).dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def rows_by_word(values: NDArrayObject, words: Sequence[str]) -> list[NDArrayInt]:
    """For each of some different words the rows of `values` that hold it, ascending."""
    position = positions(values, words)
    order = np.argsort(position, kind="stable")
    bounds = np.searchsorted(position[order], np.arange(len(words) + 1))
    return [order[first:last] for first, last in pairwise(bounds)]
