import math

import numpy as np
import pytest

from cm3d.sam3d.evidence import evidence
from cm3d.sam3d.rectangles import Rectangles


def score(area_px: int, points: int) -> float:
    """Of a rectangle of 3.5 m x 1.5 m; grown by 5 pixels of 0.1 m it is 4 m x 2 m, 800 pixels."""
    one = np.ones(1)
    rectangle = Rectangles(np.zeros((1, 2)), 3.5 * one, 1.5 * one, 0 * one)
    return float(evidence(rectangle, np.array([area_px]), np.array([points]), 0.1, 5)[0])


def test_half_filled_with_20_points() -> None:
    assert score(400, 20) == pytest.approx(0.5 * (1 - math.exp(-1)))


def test_fuller_and_denser_is_better_up_to_1() -> None:
    assert score(200, 20) < score(400, 20) < score(400, 40)
    assert score(900, 10**6) == pytest.approx(1)
