"""Which boxes of one keyframe are one object, told by the points that they share."""

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.overlap import suppress
from cm3d.lift.objects import Objects

_PART = 0.8  # share of its points in another's from which an object is a part of it
_SAME = 0.5  # share of the fewer points from which two of different classes are one object
_WHOLE_LENGTHS = 1.5  # an object whose points reach further, in lengths of its class, is several


def parts_of_others(shared: NDArrayFloat, reach_m: NDArrayFloat, objects: Objects) -> NDArrayBool:
    """Which objects (N,) are parts of another of their class: halves, doors, windscreens.

    Two that are parts of each other are twice the same, of which that of the better score stays:
    a mask over two cars, say, that is left with the points of one has no better claim to it.

    Args:
        shared: (N, N) points that each two share; with itself, all.
        reach_m: (N,) how far the points of each reach.
        objects: N objects.
    """
    count = np.diag(shared)
    known = objects.known
    one = reach_m <= _WHOLE_LENGTHS * np.maximum(known.size.length_m, known.size.width_m)
    inside = shared >= _PART * count[:, None]
    inside &= known.class_index[:, None] == known.class_index
    part = (inside & ~inside.T & one).any(axis=1)
    twice = inside & inside.T & one[:, None] & one
    left = np.flatnonzero(~part)
    stays = left[suppress(twice[left][:, left], objects.score[left])]
    return np.isin(np.arange(len(count)), stays, invert=True)


def one_object(
    shared: NDArrayFloat, group: NDArrayInt, class_index: NDArrayInt, rank: NDArrayFloat
) -> NDArrayInt:
    """The object (N,) that each row is: rows of different classes around the same points are one.

    Args:
        shared: (N, N) points that each two share; with itself, all.
        group: (N,) rows of different groups are never one.
        class_index: (N,).
        rank: (N,) the best of an object stands for it.

    Returns:
        (N,) row that stands for each; for itself its own.
    """
    own = np.arange(len(rank))
    if len(own) == 0:
        return own
    count = np.diag(shared)
    close = shared >= _SAME * np.minimum(count[:, None], count)
    close &= (group[:, None] == group) & (class_index[:, None] != class_index)
    heads = suppress(close, rank)
    to_head = np.where(close[:, heads], rank[heads], -np.inf)
    return np.where(np.isin(own, heads), own, heads[to_head.argmax(axis=1)])
