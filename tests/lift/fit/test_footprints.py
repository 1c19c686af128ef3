import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.geometry.rows import columns
from cm3d.lift.fit.footprints import Candidates


def one(*values: float) -> Candidates:
    return Candidates(*(np.array([value]) for value in values))


def test_coordinates_in_a_box_that_points_north() -> None:
    along_m, across_m = one(10, 5, np.pi / 2, 4, 2).in_box_frame(np.array(9.0), np.array(7.0))
    assert (along_m[0], across_m[0]) == pytest.approx((2, 1))


def test_moves_are_along_its_own_axes() -> None:
    moved = one(10, 5, np.pi / 2, 4, 2).moved(np.array([2.0]), np.array([1.0]))
    assert (moved.x_m[0], moved.y_m[0]) == pytest.approx((9, 7))


def test_longer_and_wider_away_from_the_sensor() -> None:
    # Seen from behind and from the left: the rear x = 8 and the left side y = 1 stay.
    box = one(10, 0, 0, 4, 2).resized(np.array([6.0]), np.array([3.0]), np.array([0.0, 9.0]))
    assert [column[0] for column in columns(box).values()] == pytest.approx([11, -0.5, 0, 6, 3])


def test_grows_both_ways_where_no_face_is_seen() -> None:
    box = one(10, 0, 0, 4, 2).resized(np.array([6.0]), np.array([3.0]), np.array([0.0, 0.5]))
    assert [column[0] for column in columns(box).values()] == pytest.approx([11, 0, 0, 6, 3])


def test_choice_of_columns_and_rows() -> None:
    boxes = Candidates(*(np.arange(6.0).reshape(2, 3) + shift for shift in range(5)))
    assert boxes[np.arange(2), np.array([2, 0])].x_m.tolist() == [2, 3]
    assert boxes[np.array([1, 1])].width_m.tolist() == [[7, 8, 9]] * 2
    assert boxes.expanded().y_m.shape == (2, 3, 1)


def test_better_ones_take_the_place_of_others() -> None:
    two = Candidates(*np.arange(10.0).reshape(5, 2))
    replaced = two.replaced(np.array([True, False]), Candidates(*np.full((5, 2), -1.0)))
    assert [column.tolist() for column in columns(replaced).values()] == [
        [-1, 1],
        [-1, 3],
        [-1, 5],
        [-1, 7],
        [-1, 9],
    ]


METRES, ANGLE, SIDE = st.floats(-50, 50), st.floats(-4, 4), st.floats(0.3, 12)


@given(METRES, METRES, ANGLE, SIDE, SIDE, SIDE, SIDE, METRES, METRES)
def test_faces_towards_the_sensor_stay(
    x: float,
    y: float,
    yaw: float,
    length: float,
    width: float,
    new_length: float,
    new_width: float,
    sensor_x: float,
    sensor_y: float,
) -> None:
    before = one(x, y, yaw, length, width)
    sensor_m = np.array([sensor_x, sensor_y])
    after = before.resized(np.array([new_length]), np.array([new_width]), sensor_m)
    offset_m = before.in_box_frame(after.x_m, after.y_m)
    toward_m = before.in_box_frame(*sensor_m)
    sides = ((length, new_length), (width, new_width))
    for shift_m, sensor_at_m, (old_m, new_m) in zip(offset_m, toward_m, sides, strict=True):
        side = np.sign(sensor_at_m) if abs(sensor_at_m) > old_m / 2 else 0.0
        assert shift_m + side * new_m / 2 == pytest.approx(side * old_m / 2, abs=1e-9)
