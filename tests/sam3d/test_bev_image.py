import numpy as np

from cm3d.sam3d.bev_image import BevGrid, intensity_image

GRID = BevGrid(range_m=2.0, pixel_m=0.5)


def test_forward_is_up_and_left_is_left() -> None:
    assert GRID.side_px == 9
    points_m = np.array([[2.0, 2.0, 0.0], [0.0, 0.0, 0.0], [-2.0, -2.0, 0.0], [1.9, -1.1, 5.0]])
    rows, columns = GRID.pixels(points_m)
    assert rows.tolist() == [0, 4, 8, 0]
    assert columns.tolist() == [0, 4, 8, 6]


def test_grid_of_sam3d_has_601_pixels() -> None:
    assert BevGrid(range_m=30.0, pixel_m=0.1).side_px == 601


def test_points_outside_are_not_inside() -> None:
    points_m = np.array([[2.0, -2.0, 9.0], [2.01, 0.0, 0.0], [0.0, -2.01, 0.0]])
    assert GRID.inside(points_m).tolist() == [True, False, False]


def test_logarithm_of_intensity_spread_over_the_grey_values() -> None:
    points_m = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    # Logarithms of one plus these, of 255, are 0, ln 4 and 2 ln 4.
    image = intensity_image(GRID, points_m, np.array([0.0, 3.0, 15.0]) / 255, dilation_px=1)
    assert (image[4, 4], image[2, 4], image[6, 4]) == (1, 128, 255)
    assert np.count_nonzero(image) == 3


def test_equal_intensities_are_white() -> None:
    image = intensity_image(GRID, np.zeros((2, 3)), np.array([0.7, 0.7]), dilation_px=1)
    assert image[4, 4] == 255


def test_dilation_grows_points_to_squares() -> None:
    image = intensity_image(GRID, np.zeros((1, 3)), np.array([0.7]), dilation_px=3)
    assert np.argwhere(image).min(axis=0).tolist() == [3, 3]
    assert np.count_nonzero(image) == 9


def test_no_points_give_a_black_image() -> None:
    image = intensity_image(GRID, np.empty((0, 3)), np.empty(0), dilation_px=3)
    assert image.shape == (9, 9)
    assert not image.any()
