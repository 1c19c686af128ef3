"""Segments as scenes, with files that lack what may be lacking."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cm3d.datasets.waymo import Waymo
from cm3d.datasets.waymo.components import CAMERA_IMAGE, LASER, LIDAR, LIDAR_BOX, LIDAR_POSE, TIME
from cm3d.geometry.se3 import SE3
from cm3d.params import checked_name
from cm3d.sensors.lidar import read_sweep
from cm3d.taxonomy import Taxonomy, load_taxonomy
from tests.tiny_waymo import (
    CAMERAS,
    FRONT_SHAPE,
    TIMES_US,
    TOP_SHAPE,
    TRAIN,
    VAL,
    global_SE3_vehicle,
    open_waymo,
    path_of,
    rewrite,
    write_waymo,
)

TOP_PIXELS = TOP_SHAPE[0] * TOP_SHAPE[1] - 1
FRONT_PIXELS = FRONT_SHAPE[0] * FRONT_SHAPE[1] - 1
SECOND_RETURNS = TOP_SHAPE[1]


@pytest.fixture
def three(project: Path) -> Taxonomy:
    return load_taxonomy("waymo", project / "taxonomies")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_waymo(tmp_path)
    return tmp_path


def points_of(data: Waymo, time_us: int, name: str = TRAIN) -> np.ndarray:
    return read_sweep(data.root / data.places.lidar(name, time_us), data.card.lidar)


def test_splits_and_names(root: Path, three: Taxonomy) -> None:
    data = open_waymo(root, three)
    assert data.scenes() == {"train": [TRAIN], "val": [VAL]}
    assert checked_name(TRAIN, "scene") == TRAIN
    assert data.notes([]) == []


def test_every_frame_is_a_keyframe_with_earlier_ones_as_sweeps(root: Path, three: Taxonomy) -> None:
    scene = open_waymo(root, three).scene(TRAIN)
    assert scene.frames.timestamp_us.tolist() == list(TIMES_US)
    assert scene.frames.sample_token[0] == f"{TRAIN}-{TIMES_US[0]}"
    assert scene.sweeps.sweep_index.tolist() == [0, 0, 1, 0, 1, 2]
    np.testing.assert_allclose(scene.sweeps.time_lag_s, [0, 0, 0.1, 0, 0.1, 0.2])
    for index, pose in enumerate(scene.frames.global_SE3_ego):
        np.testing.assert_allclose(
            SE3.from_pose(pose).matrix, global_SE3_vehicle(index).matrix, atol=1e-9
        )


def test_boxes_in_the_global_frame(root: Path, three: Taxonomy) -> None:
    """The car ahead stands still at 12 m, 1 m left, 0.8 m up of where the drive begins."""
    truth = open_waymo(root, three).scene(TRAIN).ground_truth
    assert truth.class_name.tolist() == ["vehicle"] * 3  # the sign is no class
    place = global_SE3_vehicle(0).transform_points(np.array([[12, 1, 0.8]]))
    np.testing.assert_allclose(truth.center_m, np.repeat(place, 3, axis=0), atol=1e-9)
    # a slope of 0.02 rad turns a heading by less than 1e-4 rad
    np.testing.assert_allclose(truth.yaw_rad, 0.5, atol=1e-4)
    sides = truth.length_m[0], truth.width_m[0], truth.height_m[0]
    assert sides == (4.5, 2.0, 1.6)
    np.testing.assert_array_equal(truth.velocity_mps, [[3, 4]] * 3)
    assert truth.num_lidar_points.tolist() == [7] * 3
    assert truth.difficulty.tolist() == [2] * 3  # an annotator said so


def test_where_no_annotator_has_set_a_level_there_is_none(root: Path, three: Taxonomy) -> None:
    """Null, 0 or level 1: the rows are a car and a sign in each of three frames."""

    def change(table: pa.Table) -> pa.Table:
        name = LIDAR_BOX.column("difficulty_level.detection")
        of_frame = dict(zip(TIMES_US, (None, 0, 1), strict=True))
        levels = pa.array([of_frame[time_us] for time_us in table[TIME].to_pylist()], pa.int8())
        return table.set_column(table.column_names.index(name), name, levels)

    rewrite(path_of(root, LIDAR_BOX), change)
    truth = open_waymo(root, three).scene(TRAIN).ground_truth
    assert truth.difficulty.tolist() == [0, 0, 1]


def test_images_have_the_pose_of_their_own_time(root: Path, three: Taxonomy) -> None:
    cameras = open_waymo(root, three).scene(TRAIN).cameras
    assert cameras.channel.tolist() == ["FRONT", "SIDE_LEFT"] * 3
    first, second = global_SE3_vehicle(0), global_SE3_vehicle(1)
    middle = SE3(first.rotation, (first.translation_m + second.translation_m) / 2)
    for row, camera in enumerate(CAMERAS):
        expected = middle @ camera.vehicle_SE3_camera
        np.testing.assert_allclose(
            SE3.from_pose(cameras.global_SE3_camera[row]).matrix, expected.matrix, atol=1e-9
        )


def test_points_of_all_lasers_and_returns_in_the_frame_of_the_car(
    root: Path, three: Taxonomy
) -> None:
    data = open_waymo(root, three)
    points = points_of(data, TIMES_US[0])
    assert len(points) == TOP_PIXELS + SECOND_RETURNS + FRONT_PIXELS
    np.testing.assert_allclose(points[:, 3], np.tanh(0.5), rtol=1e-6)
    # the second return of a pixel is 2 m behind the first one
    top = points[:TOP_PIXELS, :3]
    second = points[TOP_PIXELS : TOP_PIXELS + SECOND_RETURNS, :3]
    gaps_m = np.linalg.norm(second[1:] - top[: SECOND_RETURNS - 1], axis=1)
    np.testing.assert_allclose(gaps_m, 2, atol=1e-3)
    # column 7 of 16 looks pi/16 to the left, when the car was 1/30 m short of its place
    last_row = 3 * TOP_SHAPE[1] - 1
    flat_m = (5 + 7 / 4) * np.cos(0.3)
    expected = [
        1.4 - 1 / 30 + flat_m * np.cos(np.pi / 16),
        flat_m * np.sin(np.pi / 16),
        2.2 - (5 + 7 / 4) * np.sin(0.3),
    ]
    np.testing.assert_allclose(top[last_row + 7], expected, atol=2e-3)


def test_a_null_second_return_is_none(root: Path, three: Taxonomy) -> None:
    path = path_of(root, LIDAR)

    def emptied(table: pa.Table) -> pa.Table:
        for part in ("values", "shape"):
            name = LIDAR.column(f"range_image_return2.{part}")
            place = table.column_names.index(name)
            nulls = pa.nulls(len(table), table.schema.field(name).type)
            table = table.set_column(place, name, nulls)
        return table

    rewrite(path, emptied)
    assert len(points_of(open_waymo(root, three), TIMES_US[0])) == TOP_PIXELS + FRONT_PIXELS


def test_the_row_of_a_laser_may_be_absent(root: Path, three: Taxonomy) -> None:
    for component, laser in ((LIDAR, 2), (LIDAR_POSE, 2)):
        path = path_of(root, component)
        rewrite(path, lambda table, laser=laser: table.filter(pc.not_equal(table[LASER], laser)))
    assert len(points_of(open_waymo(root, three), TIMES_US[1])) == TOP_PIXELS + SECOND_RETURNS


def test_a_frame_without_any_laser_is_left_out_and_noted(root: Path, three: Taxonomy) -> None:
    drop = TIMES_US[1]
    rewrite(path_of(root, LIDAR), lambda table: table.filter(pc.not_equal(table[TIME], drop)))
    data = open_waymo(root, three)
    scene = data.scene(TRAIN)
    assert scene.frames.timestamp_us.tolist() == [TIMES_US[0], TIMES_US[2]]
    assert set(scene.ground_truth.sample_token) == set(scene.frames.sample_token)
    assert data.notes([]) == [f"1 frames of 1 segments have no LiDAR row and are left out: {TRAIN}"]


def test_images_of_a_frame_may_be_absent(root: Path, three: Taxonomy) -> None:
    drop = TIMES_US[1]
    rewrite(
        path_of(root, CAMERA_IMAGE), lambda table: table.filter(pc.not_equal(table[TIME], drop))
    )
    scene = open_waymo(root, three).scene(TRAIN)
    assert len(scene.frames) == 3
    assert len(scene.cameras) == 4


def test_segments_without_labels_are_noted(tmp_path: Path, three: Taxonomy) -> None:
    write_waymo(tmp_path, has_boxes=False)
    data = open_waymo(tmp_path, three)
    assert len(data.scene(VAL).ground_truth) == 0
    (note,) = data.notes([])
    assert note.startswith("2 of 2 segments have no lidar_box")


def test_another_class_list_is_noted(root: Path, taxonomy: Taxonomy) -> None:
    data = open_waymo(root, taxonomy)
    assert len(data.scene(TRAIN).ground_truth) == 0
    (note,) = data.notes([])
    assert "VEHICLE, PEDESTRIAN, CYCLIST are of no class of taxonomy nuscenes" in note
