import numpy as np
from numpy.testing import assert_allclose

from cm3d.geometry.cameras import inside_image, outline_boxes, project_points, scale_intrinsics
from cm3d.geometry.cuboids import Cuboids, box_corners

INTRINSICS = np.array([[1000.0, 0, 800], [0, 1000, 450], [0, 0, 1]])
SMALL = np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]])


def test_point_ahead_hits_the_principal_point() -> None:
    pixels, depth = project_points(np.array([[0.0, 0, 10]]), INTRINSICS)
    assert_allclose(pixels, [[800, 450]])
    assert_allclose(depth, [10])


def test_a_metre_right_and_down_at_ten_metres() -> None:
    pixels, _ = project_points(np.array([[1.0, 1.0, 10]]), INTRINSICS)
    assert_allclose(pixels, [[900, 550]])


def test_points_behind_or_beside_are_outside() -> None:
    points = np.array([[0.0, 0, -10], [0, 0, 10], [9, 0, 10], [0, 0, 1]])
    pixels, depth = project_points(points, INTRINSICS)
    inside = inside_image(pixels, depth, 1600, 900, min_depth_m=2.0)
    assert list(inside) == [False, True, False, False]


def test_half_size_image_has_half_the_pixels() -> None:
    half = scale_intrinsics(INTRINSICS, 0.5, 0.5)
    pixels, _ = project_points(np.array([[1.0, 1.0, 10]]), half)
    assert_allclose(pixels, [[450, 275]])


def outline(center_m: tuple[float, float, float], side_m: float) -> list[float]:
    """Outline of a cube whose faces are parallel to the image."""
    side = np.array([side_m])
    corners_m = box_corners(Cuboids(np.array([center_m]), side, side, side, np.zeros(1)))
    return outline_boxes(corners_m, SMALL, width_px=100, height_px=80)[0].tolist()


def test_a_cube_is_as_large_as_its_front_face() -> None:
    # Front face at 4 m, half a side of 1 m: 25 px to each side of (50, 40).
    assert_allclose(outline((0, 0, 5), 2), [25, 15, 75, 65])


def test_outlines_end_at_the_image() -> None:
    assert_allclose(outline((2, 0, 5), 2), [50 + 100 / 6, 15, 100, 65])


def test_nothing_to_see_is_all_zero() -> None:
    assert outline((0, 0, -5), 2) == [0, 0, 0, 0]
    assert outline((20, 0, 5), 2) == [0, 0, 0, 0]


def test_what_is_behind_the_camera_is_cut_off() -> None:
    # From 1 m behind to 3 m before the camera, 1 to 2 m to its right: the near end fills the
    # image to its right edge, the far inner edge is at u = 50 + 100 / 3.
    side, height = np.array([1.0]), np.array([4.0])
    corners_m = box_corners(Cuboids(np.array([[1.5, 0, 1]]), side, side, height, np.zeros(1)))
    box_px = outline_boxes(corners_m, SMALL, 100, 80)[0]
    assert_allclose(box_px, [50 + 100 / 3, 0, 100, 80])


def test_a_box_around_the_camera_fills_the_image() -> None:
    assert_allclose(outline((0, 0, 0), 4), [0, 0, 100, 80])


def test_no_boxes() -> None:
    assert outline_boxes(np.empty((0, 8, 3)), SMALL, 100, 80).shape == (0, 4)
