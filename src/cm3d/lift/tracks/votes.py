"""What the boxes of a track agree on: class and size."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.tracks.grid import Grid
from cm3d.tables.vocabulary import CLASS_NAMES


def voted_classes(classes: NDArrayInt, score: NDArrayFloat, grid: Grid) -> NDArrayInt:
    """The class (K,) with the largest sum of scores; the first of equals."""
    votes = np.eye(len(CLASS_NAMES))[classes] * score[:, None]
    return np.asarray(grid.mean(votes, np.ones(len(classes))).argmax(axis=1))


def agreed_sizes(
    size_m: NDArrayFloat,
    weight: NDArrayFloat,
    classes: NDArrayInt,
    track_classes: NDArrayInt,
    grid: Grid,
) -> NDArrayFloat:
    """Sizes (K, 3) of tracks: weighted means over their boxes of the track's class.

    Args:
        size_m: (N, 3) of the boxes.
        weight: (N,) how much of each object was seen.
        classes: (N,) of the boxes.
        track_classes: (K,) of the tracks; at least one box of each has it.
        grid: K tracks over T keyframes.
    """
    track_of_box = np.zeros(len(classes), dtype=np.int64)
    track_of_box[grid.row[grid.observed]] = np.nonzero(grid.observed)[0]
    same = classes == track_classes[track_of_box]
    return grid.mean(size_m, np.where(same, np.maximum(weight, 1e-6), 0.0))
