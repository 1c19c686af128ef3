"""Frames of rare classes seen more often (CBGS's resampling of the data set)."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from cm3d.geometry.arrays import NDArrayInt
from cm3d.training.frames import TrainingFrame


def class_balanced(
    frames: Sequence[TrainingFrame], class_names: Sequence[str], rng: np.random.Generator
) -> list[TrainingFrame]:
    """Frames drawn with replacement so that each class has as many draws.

    With M pairs of a frame and a class in it, each of C classes that occur draws M / C of its own
    frames: (1 / C) / (its share of the M pairs) times as many as it has. Frames without boxes
    are not drawn.

    Args:
        frames: What a training learns from.
        class_names: The classes that count.
        rng: Draws.

    Returns:
        Frames, class by class; none if no class occurs.
    """
    found = _rows_by_class(frames, class_names)
    pairs = sum(map(len, found))
    drawn = chain.from_iterable(rng.choice(rows, pairs // len(found)) for rows in found)
    return [frames[row] for row in drawn]


def _rows_by_class(frames: Sequence[TrainingFrame], class_names: Sequence[str]) -> list[NDArrayInt]:
    """Frames that each class is in, without classes that are in none."""
    classes = [set(frame.boxes.class_name) for frame in frames]
    has = np.array([[name in of_frame for name in class_names] for of_frame in classes], dtype=bool)
    rows = [np.flatnonzero(column) for column in has.reshape(-1, len(class_names)).T]
    return [of_class for of_class in rows if len(of_class)]
