import numpy as np
from numpy.testing import assert_allclose

from cm3d.geometry.camera import inside_image, project_points, scale_intrinsics

INTRINSICS = np.array([[1000.0, 0, 800], [0, 1000, 450], [0, 0, 1]])


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
