import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.geometry.angles import direction_of, turned_towards, wrap_angle


def test_directions() -> None:
    vectors = np.array([[1.0, 0, 7], [0, 2, 7], [-1, -1, 7]])
    assert direction_of(vectors) == pytest.approx([0, np.pi / 2, -3 * np.pi / 4])
    assert direction_of(vectors.reshape(1, 3, 3)[..., :2]).shape == (1, 3)


def test_wrapping() -> None:
    assert wrap_angle(np.array([3 * np.pi, -np.pi, 0.1])) == pytest.approx([-np.pi, -np.pi, 0.1])
    angles = np.array([0.0, np.pi, -np.pi, 3 * np.pi / 2])
    assert wrap_angle(angles) == pytest.approx([0, -np.pi, -np.pi, -np.pi / 2])
    assert wrap_angle(np.array([0.9 * np.pi]), np.pi) == pytest.approx([-0.1 * np.pi])


@pytest.mark.parametrize(
    ("axis", "reference", "expected"),
    [(0.2, 0.0, 0.2), (0.2, 3.0, 0.2 - np.pi), (3.0, 0.1, 3.0 - np.pi), (-3.0, 9.4, -3.0)],
)
def test_axis_looks_the_way_of_its_reference(
    axis: float, reference: float, expected: float
) -> None:
    assert turned_towards(np.array([axis]), np.array([reference])) == pytest.approx([expected])


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_axis_stays_and_is_never_more_than_a_right_angle_off(axis: float, reference: float) -> None:
    found = float(turned_towards(np.array(axis), np.array(reference)))
    assert abs(np.sin(found - axis)) < 1e-9
    assert np.cos(found - reference) > -1e-9
