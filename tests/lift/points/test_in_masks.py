from collections.abc import Callable

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from cm3d.geometry.point_pixels import PointPixels
from cm3d.geometry.se3 import SE3
from cm3d.lift.points.in_masks import MaskPoints, points_in_masks
from cm3d.params import Lift
from cm3d.tables import Cameras, Masks


def painted(rows: slice, columns: slice, shape: tuple[int, int] = (10, 20)) -> np.ndarray:
    image = np.zeros(shape)
    image[rows, columns] = 1
    return image


def pairs(found: MaskPoints) -> list[tuple[int, int]]:
    return list(zip(found.mask.tolist(), found.point.tolist(), strict=True))


def test_known_point_in_known_pixel(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    # 10 m ahead, 2.5 m left, 1.5 m up: u = 10 - 10 * 2.5 / 10 = 7.5, v = 5 - 1.5 = 3.5.
    points_m = np.array([[10.0, 2.5, 1.5]])
    params = lift_params.model_copy(update={"erosion_kernel_px": 0})
    hit = painted(slice(3, 4), slice(7, 8))
    found = points_in_masks(points_m, make_masks([1 - hit, hit]), make_cameras("front"), params)
    assert (found.mask.tolist(), found.point.tolist()) == ([1], [0])


def test_masks_of_another_resolution_see_the_same_point(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    points_m = np.array([[10.0, 2.5, 1.5]])
    params = lift_params.model_copy(update={"erosion_kernel_px": 0})
    half = painted(slice(1, 2), slice(3, 4), (5, 10))
    found = points_in_masks(points_m, make_masks([half]), make_cameras("front"), params)
    assert found.mask.tolist() == [0]


def test_points_behind_too_near_or_outside_are_in_no_mask(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    points_m = np.array([[-10, 0, 0], [2.3, 0, 0], [2.31, 0, 0], [10, 10.1, 0], [10, 0, -5.1]])
    found = points_in_masks(
        points_m, make_masks([np.ones((10, 20))]), make_cameras("front"), lift_params
    )
    assert found.point.tolist() == [2]


def test_point_counts_in_each_of_overlapping_masks(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    wide, tight = painted(slice(0, 10), slice(0, 20)), painted(slice(3, 8), slice(8, 13))
    found = points_in_masks(
        np.array([[10.0, 0.0, 0.0], [10.0, 8.0, 0.0]]),
        make_masks([wide, tight]),
        make_cameras("front"),
        lift_params,
    )
    assert pairs(found) == [(0, 0), (0, 1), (1, 0)]


def test_erosion_empties_a_thin_mask(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    pole = make_masks([painted(slice(0, 10), slice(10, 12))])
    points_m = np.array([[10.0, 0.0, 0.0]])
    assert len(points_in_masks(points_m, pole, make_cameras("front"), lift_params)) == 0


def test_cameras_keep_their_masks_apart(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    everything = [np.ones((10, 20))] * 3
    masks = make_masks(everything, camera_token=["back", "front", "back"])
    cameras = Cameras.concatenate(
        [make_cameras("front"), make_cameras("back", quaternion=(0.5, -0.5, -0.5, 0.5))]
    )
    ahead_and_behind = np.array([[10.0, 0.0, 0.0], [-10.0, 0.0, 0.0]])
    found = points_in_masks(ahead_and_behind, masks, cameras, lift_params)
    assert pairs(found) == [(0, 1), (1, 0), (2, 1)]


def test_no_points_and_no_masks(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    cameras = make_cameras("front")
    one = make_masks([np.ones((10, 20))])
    assert len(points_in_masks(np.empty((0, 3)), one, cameras, lift_params)) == 0
    assert len(points_in_masks(np.ones((4, 3)), Masks.empty(), cameras, lift_params)) == 0


def test_same_as_eroding_images_and_asking_point_by_point(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    generator = np.random.default_rng(3)
    points_m = generator.uniform([-5, -15, -8], [20, 15, 8], (400, 3))
    blobs = cv2.blur(generator.random((6, 20 * 5)), (5, 3)).reshape(6, 10, 10)
    masks = make_masks([np.kron(blob > 0.5, np.ones((2, 4))) for blob in blobs])
    cameras = make_cameras("front")
    expected = []
    for mask in range(6):
        code = {"size": [20, 40], "counts": masks.rle[mask]}
        image = cv2.erode(coco_mask.decode(code), np.ones((3, 3), np.uint8))
        for index, point_m in enumerate(points_m):
            x, y, z = SE3.from_pose(cameras.global_SE3_camera[0]).inverse().rotation @ point_m
            if z > lift_params.min_depth_m:
                u, v = 2 * (10 * x / z + 10), 2 * (10 * y / z + 5)
                if 0 <= u < 40 and 0 <= v < 20 and image[int(v), int(u)]:
                    expected.append((mask, index))
    found = points_in_masks(points_m, masks, cameras, lift_params)
    assert pairs(found) == expected
    assert len(expected) > 50


def test_pairs_are_kept_by_mask() -> None:
    found = MaskPoints.by_mask(np.array([2, 0, 2, 1]), np.array([7, 9, 4, 5]))
    assert (found.mask.tolist(), found.point.tolist()) == ([0, 1, 2, 2], [9, 5, 7, 4])
    some = found[found.point > 4]
    assert (some.mask.tolist(), some.point.tolist()) == ([0, 1, 2], [9, 5, 7])
    merged = found.with_masks(np.array([2, 1, 2, 2]))
    assert (merged.mask.tolist(), merged.point.tolist()) == ([1, 2, 2, 2], [5, 4, 7, 9])


def test_points_with_known_pixels_are_not_projected(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    """All four project to (7.5, 3.5); one is known to be elsewhere, one to be in no image."""
    points_m = np.array([[10.0, 2.5, 1.5]] * 4)
    params = lift_params.model_copy(update={"erosion_kernel_px": 0})
    cameras = make_cameras("front")
    (channel,) = cameras.channel
    projected, known = painted(slice(3, 4), slice(7, 8)), painted(slice(6, 7), slice(12, 13))
    measured = PointPixels(
        np.array([0, 2, 2, 3]),
        np.array([channel, "other", channel, ""], dtype=object),
        np.array([[12.9, 6.0], [7.5, 3.5], [20.0, 6.0], [0.0, 0.0]]),
    )
    found = points_in_masks(points_m, make_masks([projected, known]), cameras, params, measured)
    assert pairs(found) == [(0, 1), (1, 0)]
    half = painted(slice(3, 4), slice(6, 7), (5, 10))
    found = points_in_masks(points_m, make_masks([half]), cameras, params, measured)
    assert pairs(found) == [(0, 0)]


def test_known_pixels_that_are_those_of_the_projection_change_nothing(
    make_cameras: Callable[..., Cameras], make_masks: Callable[..., Masks], lift_params: Lift
) -> None:
    rng = np.random.default_rng(3)
    points_m = np.column_stack([rng.uniform(-20, 20, 200), rng.uniform(-9, 9, (200, 2))])
    cameras, masks = make_cameras("front"), make_masks([np.ones((10, 20))])
    expected = points_in_masks(points_m, masks, cameras, lift_params)
    seen = np.flatnonzero(points_m[:, 0] > 0)[::3]
    x, y, z = points_m[seen].T
    measured = PointPixels(
        seen,
        np.full(len(seen), cameras.channel[0], dtype=object),
        np.column_stack([10 - 10 * y / x, 5 - 10 * z / x]),
    )
    found = points_in_masks(points_m, masks, cameras, lift_params, measured)
    assert len(expected) > 10
    assert pairs(found) == pairs(expected)
