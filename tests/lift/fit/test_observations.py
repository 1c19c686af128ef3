from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cm3d.geometry.cameras import project_points, scale_intrinsics
from cm3d.geometry.se3 import SE3
from cm3d.lift.fit.observations import MaskViews, Samples, sample_points
from cm3d.tables import Cameras, Masks


def numbered(count: int) -> np.ndarray:
    return np.arange(count)[:, None] * np.ones(3)


def test_points_of_each_object_spread_over_their_order() -> None:
    samples = sample_points(numbered(7), np.array([1, 1, 1, 1, 1, 3, 4]), np.array([1, 2, 3]), 2)
    assert samples.valid.tolist() == [[True, True], [False, False], [True, False]]
    assert samples.points_m[0, :, 0].tolist() == [0, 2]
    assert samples.points_m[2, 0].tolist() == [5, 5, 5]
    assert samples.divisor().tolist() == [2, 1, 1]
    assert samples.mean().tolist() == [[1, 1, 1], [0, 0, 0], [5, 5, 5]]


def test_mean_leaves_out_what_is_not_there() -> None:
    samples = Samples(
        np.array([[[1.0, 2, 3], [3, 2, 1], [99, 99, 99]]]), np.array([[1, 1, 0]]) == 1
    )
    assert samples.mean().tolist() == [[2, 2, 2]]


def test_rows_may_repeat() -> None:
    samples = sample_points(numbered(2), np.array([0, 1]), np.array([0, 1]), 1)
    assert samples[np.array([1, 1, 0])].points_m[:, 0, 0].tolist() == [1, 1, 0]


def test_nothing_to_sample() -> None:
    none = np.empty(0, dtype=np.int64)
    assert sample_points(np.empty((0, 3)), none, np.array([4]), 3).valid.tolist() == [[False] * 3]
    assert sample_points(numbered(2), np.array([0, 0]), none, 3).points_m.shape == (0, 3, 3)


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 8))
def test_own_points_without_repeats_and_all_if_they_fit(owner: list[int], most: int) -> None:
    owner = sorted(owner)
    samples = sample_points(
        numbered(len(owner)), np.array(owner, dtype=np.int64), np.arange(6), most
    )
    for each in range(6):
        own = [row for row, value in enumerate(owner) if value == each]
        chosen = samples.points_m[each][samples.valid[each]][:, 0].tolist()
        assert set(chosen) <= set(own)
        assert len(set(chosen)) == len(chosen) == min(len(own), most)


def test_known_point_at_the_resolution_of_the_mask(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks]
) -> None:
    # 10 m ahead, 2.5 m left: u = 10 - 10 * 2.5 / 10 = 7.5.
    masks = make_masks([np.ones((10, 20))])
    views = MaskViews.from_masks(masks, make_cameras("front"))
    point_m = np.array([[[10.0]]]), np.array([[[2.5]]]), np.array([[[1.5]]])
    assert views.columns(*point_m).tolist() == [[[7.5]]]
    half = MaskViews.from_masks(make_masks([np.ones((5, 10))]), make_cameras("front"))
    assert half.columns(*point_m).tolist() == [[[3.75]]]
    assert half.size_px.tolist() == [[10, 5]]


def test_same_as_projecting_with_each_camera(make_masks: Callable[..., Masks]) -> None:
    random = np.random.default_rng(0)
    poses = [
        [*Rotation.random(random_state=row).as_quat(scalar_first=True), *random.normal(0, 2, 3)]
        for row in range(3)
    ]
    cameras = Cameras(
        camera_token=["a", "b", "c"],
        sample_token=["frame"] * 3,
        channel=["CAM_FRONT", "CAM_BACK", "CAM_BACK_LEFT"],
        path=["image.jpg"] * 3,
        width_px=[1600] * 3,
        height_px=[900] * 3,
        intrinsics_px=[[1260 + row, 0, 800, 0, 1260, 450, 0, 0, 1] for row in range(3)],
        global_SE3_camera=poses,
    )
    large, small = np.ones((90, 160)), np.ones((45, 80))
    masks = make_masks([large, small, large, large], camera_token=["c", "a", "c", "b"])
    views = MaskViews.from_masks(masks, cameras)
    points_m = random.normal(0, 30, (4, 5, 6, 3))
    columns = views.columns(*np.moveaxis(points_m, -1, 0))
    assert columns.shape == (4, 5, 6)
    for mask, camera in enumerate([2, 0, 2, 1]):
        camera_SE3_global = SE3.from_pose(cameras.global_SE3_camera[camera]).inverse()
        scale = masks.width_px[mask] / 1600
        intrinsics_px = scale_intrinsics(cameras.intrinsics_px[camera].reshape(3, 3), scale, scale)
        own_m = camera_SE3_global.transform_points(points_m[mask].reshape(-1, 3))
        pixels, expected_m = project_points(own_m, intrinsics_px)
        ahead = expected_m > 0.3
        assert 5 < ahead.sum() < 25
        assert columns[mask].ravel()[ahead] == pytest.approx(pixels[ahead, 0])


def test_boxes_are_tight(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks]
) -> None:
    random = np.random.default_rng(0)
    images = [random.random((10, 20)) < share for share in (0.005, 0.01, 0.03, 1.0)]
    views = MaskViews.from_masks(make_masks(images), make_cameras("front"))
    for image, box_px in zip(images, views.box_px.tolist(), strict=True):
        rows, columns = np.nonzero(image)
        tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box_px == tight


def test_some_of_the_views(make_views: Callable[..., MaskViews]) -> None:
    views = make_views((0, 0, 1, 1), (2, 2, 3, 3))[np.array([1, 1])]
    assert views.box_px.tolist() == [[2, 2, 3, 3]] * 2
    assert len(views.camera) == len(views.pixels_P_global) == len(views.size_px) == 2


def test_no_masks(make_cameras: Callable[..., Cameras]) -> None:
    views = MaskViews.from_masks(Masks.empty(), make_cameras("front"))
    assert views.box_px.shape == (0, 4)
    assert views.columns(*np.empty((3, 0, 7, 8))).shape == (0, 7, 8)


def test_the_first_samples_hold_all_where_they_are_few() -> None:
    points_m = numbered(7)
    samples = sample_points(points_m, np.array([0, 0, 0, 0, 0, 1, 1]), np.arange(3), 6)
    assert samples.fit_in(2).tolist() == [False, True, True]
    assert samples.fit_in(5).tolist() == [True, True, True]
    few = samples[1:].first(2)
    assert few.points_m[0, :, 0].tolist() == [5, 6]
    assert few.valid.tolist() == [[True, True], [False, False]]
