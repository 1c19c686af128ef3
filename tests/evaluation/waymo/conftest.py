from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.evaluation.waymo.boxes import Predictions, Truths
from cm3d.evaluation.waymo.rules import last_cutoff
from cm3d.geometry.cuboids import Cuboids


def _cuboids(boxes: Any) -> Cuboids:
    """Of rows x, y, z, length, width, height, heading."""
    rows = np.asarray(boxes, dtype=float).reshape(-1, 7)
    return Cuboids(rows[:, :3], *rows[:, 3:6].T, rows[:, 6])


@pytest.fixture(scope="session")
def make_predictions() -> Callable[..., Predictions]:
    """Of class 0 and frame 0, but for columns that are given."""

    def make(boxes: Any, scores: Any, **columns: Any) -> Predictions:
        count = len(boxes)
        return Predictions(
            frame=np.asarray(columns.get("frame", [0] * count), dtype=np.int64),
            kind=np.asarray(columns.get("kind", [0] * count), dtype=np.int64),
            boxes=_cuboids(boxes),
            last=last_cutoff(np.asarray(scores, dtype=float)),
            is_excused=np.asarray(columns.get("is_excused", [False] * count), dtype=bool),
        )

    return make


@pytest.fixture(scope="session")
def make_truths() -> Callable[..., Truths]:
    """Of class 0, frame 0 and level 1, but for columns that are given."""

    def make(boxes: Any, **columns: Any) -> Truths:
        count = len(boxes)
        return Truths(
            frame=np.asarray(columns.get("frame", [0] * count), dtype=np.int64),
            kind=np.asarray(columns.get("kind", [0] * count), dtype=np.int64),
            boxes=_cuboids(boxes),
            level=np.asarray(columns.get("level", [1] * count), dtype=np.int64),
        )

    return make
