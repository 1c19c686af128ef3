import numpy as np
import pytest

from cm3d.geometry.angles import direction_of, wrap_angle


def test_directions() -> None:
    vectors = np.array([[1.0, 0, 7], [0, 2, 7], [-1, -1, 7]])
    assert direction_of(vectors) == pytest.approx([0, np.pi / 2, -3 * np.pi / 4])
    assert direction_of(vectors.reshape(1, 3, 3)[..., :2]).shape == (1, 3)


def test_wrapping() -> None:
    assert wrap_angle(np.array([3 * np.pi, -np.pi, 0.1])) == pytest.approx([-np.pi, -np.pi, 0.1])
    angles = np.array([0.0, np.pi, -np.pi, 3 * np.pi / 2])
    assert wrap_angle(angles) == pytest.approx([0, -np.pi, -np.pi, -np.pi / 2])
    assert wrap_angle(np.array([0.9 * np.pi]), np.pi) == pytest.approx([-0.1 * np.pi])
