import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.geometry.cuboids import Rectangles, bev_corners, rotate_xy
from cm3d.params import SizeGroup
from cm3d.sam3d.rectangles import NO_GROUP, complete, fit_rectangles, size_group

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
    assert two[np.array([False, True])].center_m == pytest.approx(np.ones((1, 2)))


def group(
    length_m: tuple[float, float],
    width_m: tuple[float, float],
    height_m: tuple[float, float],
    min_points: int = 5,
    whole_m: tuple[float, float] = (0.0, 0.0),
) -> SizeGroup:
    return SizeGroup(
        length_m=length_m,
        width_m=width_m,
        height_m=height_m,
        min_points=min_points,
        whole_length_m=whole_m[0],
        whole_width_m=whole_m[1],
    )


SMALL = group((0.2, 1.0), (0.0, 0.8), (0.5, 2.0), min_points=3)
CAR = group((0.9, 6.0), (0.0, 3.0), (0.7, 3.0), whole_m=(4.5, 1.8))


def rectangle(
    x: float, y: float, length_m: float, width_m: float, yaw_rad: float = 0.0
) -> Rectangles:
    size = (np.array([value]) for value in (length_m, width_m, yaw_rad))
    return Rectangles(np.array([[x, y]]), *size)


def group_of(length_m: float, width_m: float, height_m: float, count: int = 9) -> int:
    found = size_group(
        rectangle(0, 0, length_m, width_m), np.array([height_m]), np.array([count]), [SMALL, CAR]
    )
    return int(found[0])


def completed(rectangles: Rectangles) -> Rectangles:
    group = np.ones(len(rectangles), dtype=np.int64)
    return complete(rectangles, group, [SMALL, CAR])


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ((0.6, 0.3, 1.7), 0),
        ((1.0, 0.8, 2.0), 0),  # both ends count
        ((1.0, 0.81, 2.0), 1),  # too wide for the first, so the next
        ((4.5, 0.2, 1.4), 1),  # the side of a car
        ((0.95, 0.1, 0.8), 0),  # fits both: the first
        ((4.5, 0.2, 0.6), NO_GROUP),  # too low
        ((9.0, 0.2, 1.5), NO_GROUP),  # a hedge
        ((0.2, 0.2, 4.0), NO_GROUP),  # a pole
    ],
)
def test_first_group_that_fits(segment: tuple[float, float, float], expected: int) -> None:
    assert group_of(*segment) == expected


def test_each_group_has_its_own_least_number_of_points() -> None:
    assert [group_of(0.6, 0.3, 1.7, count) for count in (2, 3)] == [NO_GROUP, 0]
    assert [group_of(4.5, 1.8, 1.5, count) for count in (4, 5)] == [NO_GROUP, 1]


def test_side_of_a_car_gets_its_width_away_from_the_sensor() -> None:
    # A row along x, 5 m to the left: the far side is pushed from 5.1 to 4.9 + 1.8 = 6.7.
    whole = completed(rectangle(10, 5, 4.6, 0.2))
    assert whole.center_m == pytest.approx(np.array([[10, 5.8]]))
    assert (whole.length_m[0], whole.width_m[0]) == pytest.approx((4.6, 1.8))
    to_the_right = completed(rectangle(10, -5, 4.6, 0.2))
    assert to_the_right.center_m == pytest.approx(np.array([[10, -5.8]]))


def test_row_as_wide_as_a_car_is_its_end() -> None:
    # A row along y, 10 m ahead: the car reaches from 9.9 to 9.9 + 4.5 = 14.4 m.
    whole = completed(rectangle(10, 0.5, 1.7, 0.2, yaw_rad=np.pi / 2))
    assert whole.center_m == pytest.approx(np.array([[12.15, 0.55]]))
    assert (whole.length_m[0], whole.width_m[0]) == pytest.approx((4.5, 1.8))
    assert np.sin(whole.yaw_rad) == pytest.approx([0], abs=1e-12)


def test_short_row_along_the_line_of_sight_stays_the_length() -> None:
    whole = completed(rectangle(10, 0.5, 1.7, 0.2))
    assert whole.yaw_rad.tolist() == [0]
    assert whole.center_m[0, 0] == pytest.approx(10 - 0.85 + 2.25)


@given(
    st.tuples(st.floats(-50, 50), st.floats(-50, 50)).filter(lambda xy: min(map(abs, xy)) > 4),
    st.floats(0.2, 6),
    st.floats(0.1, 1),
    st.floats(-3, 3),
)
def test_completion_covers_what_was_seen_and_nothing_nearer(
    xy_m: tuple[float, float], length_m: float, share: float, yaw_rad: float
) -> None:
    seen = rectangle(*xy_m, length_m, share * length_m, yaw_rad)
    whole = completed(seen)
    assert whole.length_m[0] >= 4.5
    assert whole.width_m[0] >= 1.8
    corners_m = [bev_corners(r)[0] for r in (seen, whole)]
    local_m = (corners_m[0] - whole.center_m) @ np.array(
        [[np.cos(yaw := whole.yaw_rad[0]), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    )
    half_m = np.array([whole.length_m[0], whole.width_m[0]]) / 2
    assert (np.abs(local_m) <= half_m + 1e-9).all()
    assert np.linalg.norm(whole.center_m) >= np.linalg.norm(seen.center_m) - 1e-9


def test_no_segments() -> None:
    none = Rectangles(np.empty((0, 2)), np.empty(0), np.empty(0), np.empty(0))
    assert len(size_group(none, np.empty(0), np.empty(0), [SMALL, CAR])) == 0
    assert completed(none).center_m.shape == (0, 2)
