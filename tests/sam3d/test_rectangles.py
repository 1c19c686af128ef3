import numpy as np
import pytest

from cm3d.geometry.boxes import rotate_xy
from cm3d.sam3d.rectangles import fit_rectangles

CRITERIA = ("closeness", "min_area")


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("yaw_deg", [0, 17, 45, 89, 90, 120, 179])
def test_rectangle_at_any_angle(criterion: str, yaw_deg: float) -> None:
    corners = [[2.25, 0.9], [2.25, -0.9], [-2.25, 0.9], [-2.25, -0.9], [0, 0.9], [1, 0]]
    points_m = np.array([10, -4]) + rotate_xy(np.array(corners), np.deg2rad(yaw_deg))
    fit = fit_rectangles([points_m], criterion, 0.1)
    assert fit.center_m == pytest.approx(np.array([[10, -4]]), abs=1e-4)
    assert fit.length_m == pytest.approx([4.5], abs=1e-4)
    assert fit.width_m == pytest.approx([1.8], abs=1e-4)
    assert np.sin(fit.yaw_rad - np.deg2rad(yaw_deg)) == pytest.approx([0], abs=1e-4)


def test_closeness_sees_the_legs_of_an_l() -> None:
    along = np.column_stack([np.linspace(0, 4.5, 31), np.zeros(31)])
    across = np.column_stack([np.zeros(13), np.linspace(0, 1.8, 13)])
    noise = np.random.default_rng(0).normal(0, 0.02, (44, 2))
    points_m = rotate_xy(np.concatenate([along, across]) + noise, np.deg2rad(23))
    fit = fit_rectangles([points_m], "closeness", 0.1)
    assert np.rad2deg(fit.yaw_rad) == pytest.approx([23], abs=1.5)
    assert (fit.length_m[0], fit.width_m[0]) == pytest.approx((4.5, 1.8), abs=0.2)


def test_least_area_is_least() -> None:
    points_m = np.random.default_rng(0).normal(0, [3, 1], (40, 2))
    smallest, closest = (
        fit_rectangles([points_m], criterion, 0.1) for criterion in ("min_area", "closeness")
    )
    assert smallest.length_m * smallest.width_m <= closest.length_m * closest.width_m


@pytest.mark.parametrize("criterion", CRITERIA)
def test_all_points_are_inside(criterion: str) -> None:
    points_m = np.random.default_rng(1).normal([5, 80], [3, 1], (40, 2))
    fit = fit_rectangles([points_m], criterion, 0.1)
    aligned = rotate_xy(points_m - fit.center_m, -fit.yaw_rad)
    half = np.array([fit.length_m[0], fit.width_m[0]]) / 2
    assert (np.abs(aligned) <= half + 1e-9).all()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_row_of_returns_has_the_least_width(criterion: str) -> None:
    row = np.column_stack([np.zeros(5), np.linspace(0, 3, 5)])
    fit = fit_rectangles([row], criterion, 0.1)
    assert (fit.length_m[0], fit.width_m[0]) == pytest.approx((3, 0.1))
    assert abs(np.sin(fit.yaw_rad[0])) == pytest.approx(1)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_single_point(criterion: str) -> None:
    fit = fit_rectangles([np.array([[3.0, 4.0]])], criterion, 0.1)
    assert fit.center_m == pytest.approx(np.array([[3, 4]]))
    assert (fit.length_m[0], fit.width_m[0]) == (0.1, 0.1)


def test_no_groups_and_selection() -> None:
    empty = fit_rectangles([], "closeness", 0.1)
    assert empty.center_m.shape == (0, 2)
    assert empty.yaw_rad.shape == (0,)
    two = fit_rectangles([np.zeros((1, 2)), np.ones((1, 2))], "closeness", 0.1)
    assert two.select(np.array([False, True])).center_m == pytest.approx(np.ones((1, 2)))
