from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.scenes import index_scene
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.geometry.cuboids import Rectangles, bev_corners, rotate_xy
from cm3d.geometry.overlap import bev_iou
from cm3d.geometry.se3 import SE3
from cm3d.params import Sam3D
from cm3d.sam3d.proposals import propose_boxes
from cm3d.sam3d.segments import BevSegmenter, BevSegments, ConnectedComponents
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D
from cm3d.taxonomy import Taxonomy

GROUND_Z_M = -1.8
YAW_RAD = 0.4
CENTER_M = np.array([12.0, -7.0])


def ground() -> NDArrayFloat:
    x, y = np.meshgrid(np.arange(-40, 40, 0.5), np.arange(-40, 40, 0.5))
    return np.column_stack([x.ravel(), y.ravel(), np.full(x.size, GROUND_Z_M)])


def sides(length_m: float, width_m: float, height_m: float) -> NDArrayFloat:
    """Returns on a box's rear and right side, a ring every 0.25 m, around the origin."""
    along, across = np.arange(0, length_m, 0.15), np.arange(0, width_m, 0.15)
    right = np.column_stack([along - length_m / 2, np.full(len(along), -width_m / 2)])
    rear = np.column_stack([np.full(len(across), -length_m / 2), across - width_m / 2])
    outline = np.concatenate([right, rear, [[length_m / 2, -width_m / 2]]])
    outline = np.concatenate([outline, [[-length_m / 2, width_m / 2]]])
    heights_m = np.append(np.arange(0.1, height_m, 0.25), height_m)
    return np.column_stack(
        [np.tile(outline, (len(heights_m), 1)), np.repeat(heights_m, len(outline))]
    )


def car(center_m: NDArrayFloat = CENTER_M, yaw_rad: float = YAW_RAD, **size: float) -> NDArrayFloat:
    points_m = sides(**({"length_m": 4.5, "width_m": 1.8, "height_m": 1.5} | size))
    xy_m = rotate_xy(points_m[:, :2], np.asarray(yaw_rad)) + center_m
    return np.column_stack([xy_m, points_m[:, 2] + GROUND_Z_M])


PATCHES = ConnectedComponents(8)


def propose(
    params: Sam3D,
    *parts: NDArrayFloat,
    pose: SE3 | None = None,
    segmenter: BevSegmenter = PATCHES,
) -> Boxes3D:
    points_m = np.concatenate([ground(), *parts])
    intensity = np.random.default_rng(0).uniform(0, 60 / 255, len(points_m))
    pose = pose or SE3.identity()
    return propose_boxes("frame", points_m, intensity, pose, params, segmenter)


def test_golden_car(sam3d_params: Sam3D) -> None:
    boxes = propose(sam3d_params, car())
    assert len(boxes) == 1
    assert boxes.class_name.tolist() == ["object"]
    assert boxes.center_m[0, :2] == pytest.approx(CENTER_M, abs=0.01)
    assert boxes.center_m[0, 2] == pytest.approx(GROUND_Z_M + 0.75, abs=0.01)
    assert boxes.length_m[0] == pytest.approx(4.5, abs=0.02)
    assert boxes.width_m[0] == pytest.approx(1.8, abs=0.02)
    assert boxes.height_m[0] == pytest.approx(1.5, abs=0.01)
    assert np.sin(boxes.yaw_rad[0] - YAW_RAD) == pytest.approx(0, abs=0.01)
    assert 0 < boxes.score[0] < 1
    assert boxes.velocity_mps.tolist() == [[0, 0]]
    assert boxes.sample_token.tolist() == ["frame"]


def test_boxes_follow_the_sensor_into_the_global_frame(sam3d_params: Sam3D) -> None:
    pose = SE3.from_yaw(1.0, np.array([400.0, 1100.0, 1.8]))
    local, moved = propose(sam3d_params, car()), propose(sam3d_params, car(), pose=pose)
    assert moved.center_m == pytest.approx(pose.transform_points(local.center_m))
    assert np.sin(moved.yaw_rad - local.yaw_rad - 1.0) == pytest.approx([0], abs=1e-9)


@pytest.mark.parametrize(
    "size",
    [
        {"length_m": 20.0},  # too long for its width
        {"length_m": 12.0, "width_m": 5.0},  # too large
        {"height_m": 0.4},  # a kerb
        {"height_m": 6.0},  # a house
    ],
)
def test_what_has_no_object_size_is_left_out(sam3d_params: Sam3D, size: dict[str, float]) -> None:
    assert len(propose(sam3d_params, car(**size))) == 0


def test_too_few_points(sam3d_params: Sam3D) -> None:
    post = np.array([[5.0, 5, -1.0], [5.2, 5, -0.8], [5.1, 5.2, -0.6], [5.3, 5.1, -0.4]])
    assert len(propose(sam3d_params, post)) == 1
    assert len(propose(sam3d_params, post[[0, 3]])) == 0


def test_side_of_a_car_becomes_a_car_if_wanted(sam3d_params: Sam3D) -> None:
    row_m = car(np.array([0.0, 12.0]), yaw_rad=0.0, width_m=0.01)
    completed = propose(sam3d_params, row_m)
    assert completed.width_m == pytest.approx([1.8])
    assert completed.center_m[0, 1] == pytest.approx(12 + 0.9, abs=0.06)
    as_seen = propose(sam3d_params.model_copy(update={"complete": False}), row_m)
    assert as_seen.width_m == pytest.approx([0.1])


def test_sam3d_of_waymo_takes_cars_only(sam3d_params: Sam3D) -> None:
    person = car(np.array([-8.0, 5.0]), length_m=0.6, width_m=0.4, height_m=1.7)
    published = sam3d_params.model_copy(update={"groups": ["waymo_car"], "complete": False})
    assert propose(published, car(), person).length_m == pytest.approx([4.5], abs=0.02)
    assert len(propose(sam3d_params, car(), person)) == 2


def test_neighbours_stay_apart(sam3d_params: Sam3D) -> None:
    second_m = CENTER_M + rotate_xy(np.array([0.0, 3.0]), np.asarray(YAW_RAD))
    boxes = propose(sam3d_params, car(), car(second_m))
    corners = bev_corners(boxes.cuboids)
    expected = np.array([CENTER_M, second_m])
    truth = bev_corners(Rectangles(expected, *(np.full(2, v) for v in (4.5, 1.8, YAW_RAD))))
    assert len(boxes) == 2
    assert bev_iou(truth, corners).max(axis=1).min() > 0.95


def test_what_lies_beyond_the_range_is_left_out(sam3d_params: Sam3D) -> None:
    params = sam3d_params.model_copy(update={"range_m": 8.0})
    assert len(propose(params, car())) == 0


def test_segmenter_takes_part_in_the_score(sam3d_params: Sam3D) -> None:
    def half_sure(image: NDArrayByte) -> BevSegments:
        segments = PATCHES(image)
        return BevSegments(segments.labels, 0.5 * segments.quality)

    sure, unsure = propose(sam3d_params, car()), propose(sam3d_params, car(), segmenter=half_sure)
    assert unsure.score == pytest.approx(0.5 * sure.score)


@pytest.mark.parametrize(("by_points", "expected"), [(True, 0.8 * 30 / 80), (False, 0.8)])
def test_points_count_in_the_score_if_wanted(
    sam3d_params: Sam3D, by_points: bool, expected: float
) -> None:
    def sure(image: NDArrayByte) -> BevSegments:
        segments = PATCHES(image)
        return BevSegments(segments.labels, 0.8 * segments.quality)

    along_m = np.tile(np.linspace(5, 9, 10), 3)
    rows_m = np.column_stack([along_m, np.full(30, 6.0), np.repeat([-1.0, -0.6, -0.3], 10)])
    params = sam3d_params.model_copy(update={"score_by_points": by_points, "dilation_px": 9})
    assert propose(params, rows_m, segmenter=sure).score == pytest.approx([expected])


def test_bottom_is_the_ground_or_the_lowest_point(sam3d_params: Sam3D) -> None:
    """The car's rings are 0.1, 0.35, ... and 1.5 m up; those below 0.3 m are dropped."""
    params = sam3d_params.model_copy(update={"bottom": "points"})
    box = propose(params, car())
    assert box.height_m == pytest.approx([1.5 - 0.35], abs=0.01)
    assert box.center_m[0, 2] == pytest.approx(GROUND_Z_M + (1.5 + 0.35) / 2, abs=0.01)
    on_ground = propose(sam3d_params, car())
    assert on_ground.height_m == pytest.approx([1.5], abs=0.01)
    assert on_ground.center_m[0, :2] == pytest.approx(box.center_m[0, :2])


def test_bottom_decides_what_is_high_enough(sam3d_params: Sam3D) -> None:
    """0.9 m above the ground, but 0.55 m from its lowest return: SAM3D asks for 0.8 m."""
    published = sam3d_params.model_copy(update={"groups": ["waymo_car"]})
    assert len(propose(published, car(height_m=0.9))) == 1
    assert len(propose(published.model_copy(update={"bottom": "points"}), car(height_m=0.9))) == 0


def test_no_points(sam3d_params: Sam3D) -> None:
    nothing, pose = (np.empty((0, 3)), np.empty(0)), SE3.identity()
    boxes = propose_boxes("frame", *nothing, pose, sam3d_params, PATCHES)
    assert len(boxes) == 0


def test_bare_ground(sam3d_params: Sam3D) -> None:
    assert len(propose(sam3d_params)) == 0


@pytest.mark.real
def test_real_keyframe_finds_the_near_car(
    real_keyframe: Path, sam3d_params: Sam3D, taxonomy: Taxonomy
) -> None:

    scene = index_scene(NuScenesTables(real_keyframe, "v1.0-mini"), "scene-0061", 0, taxonomy)
    global_SE3_lidar = SE3.from_pose(scene.sweeps.global_SE3_lidar[0])
    sensors = Sensors(real_keyframe, CARD.lidar)
    cloud = accumulate(sensors, scene.sweeps, global_SE3_lidar.inverse(), 1, 1.52)
    boxes = propose_boxes(
        "f", cloud.xyz_m, cloud.intensity, global_SE3_lidar, sam3d_params, PATCHES
    )
    assert 10 <= len(boxes) <= 200
    assert np.isfinite(boxes.center_m).all()
    truth = scene.ground_truth
    cars = truth[truth.class_name == "car"]
    dense = cars[cars.num_lidar_points >= 40]
    corners = [bev_corners(b.cuboids) for b in (dense, boxes)]
    assert len(dense) == 1
    assert (bev_iou(*corners).max(axis=1) > 0.5).all()
