"""What single keyframes make of the objects that they see."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayInt
from cm3d.geometry.rows import Rows
from cm3d.lift.fit.evidence import Evidence
from cm3d.tables import Boxes3D


@dataclass(frozen=True, eq=False)
class Sightings(Rows):
    """N boxes of one keyframe or of a scene.

    Args:
        boxes: Global frame.
        evidence: How well each is known.
        same_as: (N,) row of the box that stands for the object that each shows; most show one of
            their own. Rows that are selected keep the numbers of the whole.
    """

    boxes: Boxes3D
    evidence: Evidence
    same_as: NDArrayInt

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        """Stack keyframes, so that each row's object stays its own."""
        stack = list(parts)
        starts = np.cumsum([0, *(len(part) for part in stack)])
        moved = [
            replace(part, same_as=part.same_as + start)
            for part, start in zip(stack, starts, strict=False)
        ]
        return super().concatenate(moved)

    def reordered(self, order: NDArrayInt) -> Self:
        """All rows in another order (N,), `same_as` renumbered."""
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        moved = self[order]
        return replace(moved, same_as=rank[moved.same_as])
