import numpy as np

from cm3d.geometry.boxes import box_corners
from cm3d.geometry.outlines import outline_boxes

INTRINSICS = np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]])


def outline(center_m: tuple[float, float, float], side_m: float) -> list[float]:
    """Outline of a cube whose faces are parallel to the image."""
    side = np.array([side_m])
    corners_m = box_corners(np.array([center_m]), side, side, side, np.zeros(1))
    return outline_boxes(corners_m, INTRINSICS, width_px=100, height_px=80)[0].tolist()


def test_a_cube_is_as_large_as_its_front_face() -> None:
    # Front face at 4 m, half a side of 1 m: 25 px to each side of (50, 40).
    np.testing.assert_allclose(outline((0, 0, 5), 2), [25, 15, 75, 65])


def test_outlines_end_at_the_image() -> None:
    np.testing.assert_allclose(outline((2, 0, 5), 2), [50 + 100 / 6, 15, 100, 65])


def test_nothing_to_see_is_all_zero() -> None:
    assert outline((0, 0, -5), 2) == [0, 0, 0, 0]
    assert outline((20, 0, 5), 2) == [0, 0, 0, 0]


def test_what_is_behind_the_camera_is_cut_off() -> None:
    # From 1 m behind to 3 m before the camera, 1 to 2 m to its right: the near end fills the
    # image to its right edge, the far inner edge is at u = 50 + 100 / 3.
    corners_m = box_corners(
        np.array([[1.5, 0, 1]]), np.array([1.0]), np.array([1.0]), np.array([4.0]), np.zeros(1)
    )
    box_px = outline_boxes(corners_m, INTRINSICS, 100, 80)[0]
    np.testing.assert_allclose(box_px, [50 + 100 / 3, 0, 100, 80])


def test_a_box_around_the_camera_fills_the_image() -> None:
    np.testing.assert_allclose(outline((0, 0, 0), 4), [0, 0, 100, 80])


def test_no_boxes() -> None:
    assert outline_boxes(np.empty((0, 8, 3)), INTRINSICS, 100, 80).shape == (0, 4)
