"""What each side offers to be measured."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Contest:
    """One model with its input.

    Args:
        train: One step of training: voxels, targets, loss, gradient, optimiser.
        infer: From points to boxes; returns how many.
        parameters: Of the model.
    """

    train: Callable[[], object]
    infer: Callable[[], int]
    parameters: int
