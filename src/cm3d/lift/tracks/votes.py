"""What boxes of an object say of its class."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.geometry.rows import Rows

_LEAST_VOTE: Final = 1e-9  # so that boxes of score 0 elect a class of theirs


@dataclass(frozen=True, eq=False)
class Votes(Rows):
    """Votes on the classes of K tracks.

    Args:
        share: (K, C) share of each class, 1 in sum.
        elected: (K,) the class with most votes.
        second: (K,) the one with most votes of all others; they may be none.
    """

    share: NDArrayFloat
    elected: NDArrayInt
    second: NDArrayInt

    @classmethod
    def of(
        cls, track: NDArrayInt, classes: NDArrayInt, score: NDArrayFloat, class_count: int
    ) -> Self:
        """Votes by the boxes (N,) of tracks, numbered from 0 without gaps, by their scores."""
        votes = np.zeros((track.max(initial=-1) + 1, class_count))
        np.add.at(votes, (track, classes), np.maximum(score, _LEAST_VOTE))
        share = votes / votes.sum(axis=1, keepdims=True)
        elected = share.argmax(axis=1)
        others = np.where(np.arange(class_count) == elected[:, None], -1.0, share)
        return cls(share, elected, others.argmax(axis=1))

    def shares(self, classes: NDArrayInt) -> NDArrayFloat:
        """Share (K,) of one class of each track."""
        return np.asarray(self.share[np.arange(len(self.share)), classes])


def representatives(
    track: NDArrayInt, frame: NDArrayInt, score: NDArrayFloat, of_class: NDArrayBool
) -> NDArrayInt:
    """Of the boxes of each track in each keyframe the one of its class, and of those the best."""
    order = np.lexsort((-score, ~of_class, frame, track))
    pair = np.column_stack([track, frame])[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (pair[1:] != pair[:-1]).any(axis=1)
    return np.sort(order[first])
