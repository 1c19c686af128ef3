import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cm3d.geometry.boxes import points_in_boxes
from cm3d.geometry.membership import points_by_box


def test_by_hand() -> None:
    # a box of 4 x 2 x 2 m turned by 90 degrees: |x| <= 1, |y| <= 2, |z| <= 1; and one elsewhere
    points = np.array(
        [[0, 1.9, 0], [1.9, 0, 0], [0, 0, 1.1], [-1, -2, -1], [10, 0, 0.5], [0.5, 0, 0]],
        dtype=np.float32,
    )
    box, point = points_by_box(
        points,
        center_m=np.array([[0.0, 0, 0], [10.0, 0, 0], [50.0, 0, 0]]),
        length_m=np.array([4.0, 1.0, 1.0]),
        width_m=np.array([2.0, 1.0, 1.0]),
        height_m=np.array([2.0, 1.0, 1.0]),
        yaw_rad=np.array([np.pi / 2, 0.0, 0.0]),
    )
    assert box.tolist() == [0, 0, 0, 1]
    assert point.tolist() == [0, 3, 5, 4]


@given(st.integers(0, 1000), st.integers(0, 400), st.integers(0, 12))
def test_as_each_point_compared_with_each_box(seed: int, points: int, boxes: int) -> None:
    rng = np.random.default_rng(seed)
    points_m = rng.uniform(-8, 8, (points, 3)).astype(np.float32)
    center_m = rng.uniform(-8, 8, (boxes, 3))
    size_m = rng.uniform(0.1, 9, (3, boxes))
    yaw_rad = rng.uniform(-4, 4, boxes)
    box, point = points_by_box(points_m, center_m, *size_m, yaw_rad)
    matrix = points_in_boxes(points_m.astype(np.float64), center_m, *size_m, yaw_rad)
    expected_box, expected_point = np.nonzero(matrix)
    np.testing.assert_array_equal(box, expected_box)
    np.testing.assert_array_equal(point, expected_point)
