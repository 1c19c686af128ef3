"""Boxes as the metric sees them: numbers for frames and classes, in the vehicle's frame."""

from dataclasses import dataclass

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.geometry.cuboids import Cuboids
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class Predictions(Rows):
    """N predictions; their order decides which of two equal ones finds a box.

    Args:
        frame: (N,) number of the frame; they are summed in this order.
        kind: (N,) number of the class.
        boxes: In the vehicle's frame.
        last: (N,) the last cutoff that the score reaches, see `rules.last_cutoff`.
        is_excused: (N,) whether it lies in a zone without labels: unmatched, it counts nowhere.
    """

    frame: NDArrayInt
    kind: NDArrayInt
    boxes: Cuboids
    last: NDArrayInt
    is_excused: NDArrayBool


@dataclass(frozen=True, eq=False)
class Truths(Rows):
    """N boxes of ground truth that count.

    Args:
        frame: (N,) number of the frame.
        kind: (N,) number of the class.
        boxes: In the vehicle's frame.
        level: (N,) difficulty, 1 or 2.
    """

    frame: NDArrayInt
    kind: NDArrayInt
    boxes: Cuboids
    level: NDArrayInt
