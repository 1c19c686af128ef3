import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.fuse.headings import turn_to_reference
from cm3d.geometry.boxes import bev_corners


def turn(length: float, width: float, yaw: float, reference: float) -> tuple[float, float, float]:
    columns = (np.array([value]) for value in (length, width, yaw, reference))
    return tuple(float(column[0]) for column in turn_to_reference(*columns))


@pytest.mark.parametrize(
    ("yaw_deg", "reference_deg", "expected"),
    [
        (10, 0, (4, 2, 10)),
        (10, 180, (4, 2, -170)),
        (10, 90, (2, 4, 100)),
        (10, -90, (2, 4, -80)),
        (179, -179, (4, 2, 179)),  # across the wrap, 2 degrees apart
        (44, 0, (4, 2, 44)),
        (46, 0, (2, 4, -44)),
    ],
)
def test_nearest_of_four(
    yaw_deg: float, reference_deg: float, expected: tuple[float, float, float]
) -> None:
    length, width, yaw = turn(4, 2, np.deg2rad(yaw_deg), np.deg2rad(reference_deg))
    assert (length, width, np.rad2deg(yaw)) == pytest.approx(expected)


@given(st.floats(-7, 7), st.floats(-7, 7), st.floats(0.1, 9), st.floats(0.1, 9))
def test_same_rectangle_within_an_eighth_of_a_turn(
    yaw: float, reference: float, length: float, width: float
) -> None:
    turned = turn(length, width, yaw, reference)
    assert np.cos(turned[2] - reference) >= np.cos(np.pi / 4) - 1e-9
    corners = [
        bev_corners(np.zeros((1, 2)), *(np.array([value]) for value in shape))[0]
        for shape in (turned, (length, width, yaw))
    ]
    distance = np.linalg.norm(corners[0][:, None] - corners[1][None], axis=2)
    assert distance.min(axis=0) == pytest.approx(np.zeros(4), abs=1e-9)
