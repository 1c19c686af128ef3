import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.lift.medoid_compensation import push_from_ego


def push_one(
    medoid_m: tuple[float, ...],
    length_m: float,
    width_m: float,
    yaw_rad: float,
    ego_xy_m: tuple[float, float],
) -> np.ndarray:
    columns = (np.array([value]) for value in (length_m, width_m, yaw_rad))
    return push_from_ego(np.array([medoid_m], dtype=float), *columns, np.array(ego_xy_m))[0]


@pytest.mark.parametrize(
    ("medoid_m", "center_m"),
    [
        ((20, 0, 1), (22.25, 0, 1)),  # end-on, seen from behind: half the length of 4.5 m
        ((-20, 0, 1), (-22.25, 0, 1)),  # end-on, seen from the front
        ((0, 20, 1), (0, 20.9, 1)),  # side-on: half the width of 1.8 m
        ((0, -20, 1), (0, -20.9, 1)),
    ],
)
def test_car_at_heading_0(medoid_m: tuple[float, ...], center_m: tuple[float, ...]) -> None:
    assert push_one(medoid_m, 4.5, 1.8, 0.0, (0, 0)) == pytest.approx(center_m)


def test_car_across_the_view_is_pushed_by_half_its_width() -> None:
    assert push_one((20, 0, 1), 4.5, 1.8, math.pi / 2, (0, 0)) == pytest.approx((20.9, 0, 1))


def test_push_is_relative_to_the_ego_vehicle() -> None:
    assert push_one((120, 50, 0), 4.5, 1.8, 0.0, (100, 50)) == pytest.approx((122.25, 50, 0))


def test_square_seen_along_its_diagonal() -> None:
    # From the centre to a corner of a 2 m square: sqrt(2), which is 1 m along each axis.
    assert push_one((3, 3, 0), 2.0, 2.0, 0.0, (0, 0)) == pytest.approx((4, 4, 0))


def test_medoid_at_the_ego_vehicle_stays_finite() -> None:
    assert np.isfinite(push_one((0, 0, 0), 4.5, 1.8, 0.3, (0, 0))).all()


METRES = st.floats(-60, 60)
SIZES = st.floats(0.2, 14)


@given(METRES, METRES, SIZES, SIZES, st.floats(-4, 4), METRES, METRES)
def test_same_as_the_formula_of_appendix_a(
    x: float, y: float, length: float, width: float, theta: float, ego_x: float, ego_y: float
) -> None:
    alpha = math.atan2(ego_y - y, ego_x - x)
    sine, cosine = math.sin(alpha - theta), math.cos(alpha - theta)
    by_width = abs(width / (2 * sine)) if sine else math.inf
    by_length = abs(length / (2 * cosine)) if cosine else math.inf
    d = min(by_width, by_length)
    expected = (x - d * math.cos(alpha), y - d * math.sin(alpha), 1.5)
    assert push_one((x, y, 1.5), length, width, theta, (ego_x, ego_y)) == pytest.approx(expected)


@given(METRES, METRES, SIZES, SIZES, st.floats(-4, 4))
def test_medoid_lies_on_the_outline_of_the_pushed_box(
    x: float, y: float, length: float, width: float, yaw: float
) -> None:
    offset = np.array([x, y]) - push_one((x, y, 0), length, width, yaw, (0, 0))[:2]
    along = abs(offset @ [math.cos(yaw), math.sin(yaw)]) / (length / 2)
    across = abs(offset @ [-math.sin(yaw), math.cos(yaw)]) / (width / 2)
    assert max(along, across) == pytest.approx(1)
