import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.fuse.headings import turn_to_reference
from cm3d.geometry.boxes import bev_corners
from cm3d.tables import Boxes3D

Shape = tuple[float, float, float]
SIDES = st.floats(0.1, 9)
YAWS = st.floats(-7, 7)


def box(length_m: float, width_m: float, yaw_rad: float) -> Boxes3D:
    return Boxes3D.from_columns(
        sample_token=["frame"],
        class_name=["car"],
        score=[1.0],
        center_m=[(0.0, 0.0, 0.0)],
        length_m=[length_m],
        width_m=[width_m],
        height_m=[1.0],
        yaw_rad=[yaw_rad],
        velocity_mps=[(0.0, 0.0)],
        attribute_name=[""],
    )


def turn(shape: Shape, reference: Shape) -> Shape:
    length_m, width_m, yaw_rad = turn_to_reference(box(*shape), box(*reference))
    return float(length_m[0]), float(width_m[0]), float(yaw_rad[0])


@pytest.mark.parametrize(
    ("yaw_deg", "reference_deg", "expected"),
    [
        (10, 0, (4, 2, 10)),
        (10, 180, (4, 2, -170)),
        (10, 99, (4, 2, 10)),  # a reference that lies across cannot turn a long box
        (10, 101, (4, 2, -170)),
        (179, -179, (4, 2, 179)),  # across the wrap, 2 degrees apart
    ],
)
def test_long_box_is_read_along_its_longer_side(
    yaw_deg: float, reference_deg: float, expected: Shape
) -> None:
    length, width, yaw = turn((4, 2, np.deg2rad(yaw_deg)), (5, 2, np.deg2rad(reference_deg)))
    assert (length, width, np.rad2deg(yaw)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reference_deg", "expected"),
    [(0, (0.6, 0.5, 10)), (90, (0.5, 0.6, 100)), (180, (0.6, 0.5, -170)), (-90, (0.5, 0.6, -80))],
)
def test_squarish_box_keeps_the_heading_of_the_reference(
    reference_deg: float, expected: Shape
) -> None:
    length, width, yaw = turn((0.6, 0.5, np.deg2rad(10)), (0.7, 0.4, np.deg2rad(reference_deg)))
    assert (length, width, np.rad2deg(yaw)) == pytest.approx(expected)


def test_barrier_is_wide() -> None:
    # Its long side lies along x, so it looks along y; the reference says which way.
    for reference, expected in ((80, 90), (-80, -90)):
        length, width, yaw = turn((2.3, 0.5, 0.0), (0.6, 2.4, np.deg2rad(reference)))
        assert (length, width, np.rad2deg(yaw)) == pytest.approx((0.5, 2.3, expected))


@given(st.tuples(SIDES, SIDES, YAWS), st.tuples(SIDES, SIDES, YAWS))
def test_same_footprint_and_as_near_as_the_shape_allows(shape: Shape, reference: Shape) -> None:
    turned = turn(shape, reference)
    squarish = max(shape[:2]) <= 1.5 * min(shape[:2])
    assert np.cos(turned[2] - reference[2]) >= (np.cos(np.pi / 4) if squarish else 0) - 1e-9
    if not squarish:
        assert (turned[0] < turned[1]) == (reference[0] < reference[1])
    corners = [
        bev_corners(np.zeros((1, 2)), *(np.array([value]) for value in values))[0]
        for values in (turned, shape)
    ]
    distance = np.linalg.norm(corners[0][:, None] - corners[1][None], axis=2)
    assert distance.min(axis=0) == pytest.approx(np.zeros(4), abs=1e-9)
