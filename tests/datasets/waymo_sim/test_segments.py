"""Two tiny segments of the simulated towns: files in Waymo's format, and what is read back."""

import json
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.keyframes import UNKNOWN_POINTS, with_counted_points
from cm3d.datasets.protocol import DataSet, IndexedScene
from cm3d.datasets.sim import open_dataset as open_sim
from cm3d.datasets.waymo.cameras import read_cameras
from cm3d.datasets.waymo.segments import find_segments
from cm3d.datasets.waymo_sim import open_dataset
from cm3d.datasets.waymo_sim.recording import _KINDS
from cm3d.datasets.waymo_sim.rig import CAMERAS
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cameras import inside_image, project_points
from cm3d.geometry.se3 import SE3
from cm3d.params import load_params
from cm3d.sensors.card import Sensors
from cm3d.sensors.instances import instance_image_path, read_instances
from cm3d.sensors.lidar import read_sweep
from cm3d.simulation.instances import read_seed, read_visible_instances
from cm3d.tables import GroundTruth
from cm3d.taxonomy import Taxonomy, load_taxonomy
from tests.tiny_waymo_sim import TRAIN, VAL, VERSION, params_of


@pytest.fixture(scope="module")
def classes(project: Path) -> Taxonomy:
    return load_taxonomy("waymo", project / "taxonomies")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("waymo_sim")


@pytest.fixture(scope="module")
def data(raw: Path, classes: Taxonomy) -> DataSet:
    return open_dataset(params_of("waymo_sim"), classes, raw)


@pytest.fixture(scope="module")
def scene(data: DataSet) -> IndexedScene:
    return data.scene(TRAIN)


def test_files_are_waymos(data: DataSet, raw: Path) -> None:
    segments = find_segments(raw / VERSION)
    assert [(s.split, s.name, s.has_boxes) for s in segments] == [
        ("train", TRAIN, True), ("val", VAL, True)
    ]  # fmt: skip
    assert data.scenes() == {"train": [TRAIN], "val": [VAL]}
    assert data.card.embedded
    assert {path.name for path in raw.iterdir()} == {
        VERSION,
        "images",
        "instances",
        "lidar",
        "maps",
    }
    cameras = read_cameras(segments[0])
    assert [camera.channel for camera in cameras.values()] == [m.channel for m in CAMERAS]
    assert (cameras[1].width_px, cameras[1].height_px) == (192, 128)
    assert (cameras[4].width_px, cameras[4].height_px) == (192, 89)


def test_ten_frames_a_second_of_five_cameras(scene: IndexedScene) -> None:
    assert np.diff(scene.frames.timestamp_us).tolist() == [100_000] * 5
    assert len(scene.cameras) == 30
    of_last = scene.sweeps[scene.sweeps.sample_token == scene.frames.sample_token[-1]]
    np.testing.assert_allclose(of_last.time_lag_s, np.arange(6) / 10, atol=1e-9)


def test_points_of_boxes_lie_in_them(data: DataSet, scene: IndexedScene) -> None:
    truth = scene.ground_truth
    unknown = np.full(len(truth), UNKNOWN_POINTS)
    blank = IndexedScene(
        scene.frames, scene.sweeps, scene.cameras, truth.replace(num_lidar_points=unknown)
    )
    counted = with_counted_points(blank, Sensors(data.root, data.card.lidar)).ground_truth
    assert truth.num_lidar_points.min() >= 1
    assert truth.num_lidar_points.max() > 200
    # those within rounding of a face may be counted once more or less, shared ones for one box
    off = np.abs(counted.num_lidar_points - truth.num_lidar_points)
    assert (off > 2).mean() < 0.1
    assert off.sum() < 0.01 * truth.num_lidar_points.sum()


def test_sweeps_hold_what_five_lasers_measured(data: DataSet, scene: IndexedScene) -> None:
    points = read_sweep(data.root / scene.sweeps.path[0], data.card.lidar)
    assert 30_000 < len(points) < 170_000
    assert 0 <= points[:, 3].min() <= points[:, 3].max() < 1
    range_m = np.linalg.norm(points[:, :2], axis=1)
    assert range_m.min() < 1.5 + 4 and 50 < range_m.max() < 80


def test_boxes_are_those_of_the_same_world_in_nuscenes_format(
    scene: IndexedScene, tmp_path: Path, classes: Taxonomy
) -> None:
    other = open_sim(params_of("sim"), classes, tmp_path).scene(TRAIN)
    own = dict(zip(scene.frames.timestamp_us.tolist(), scene.frames.sample_token, strict=True))
    shared = 0
    for time_us, token in zip(
        other.frames.timestamp_us.tolist(), other.frames.sample_token, strict=True
    ):
        boxes = of_frame(scene.ground_truth, own[time_us], classes)
        others = of_frame(other.ground_truth, token, classes)
        for instance in boxes.keys() & others.keys():
            np.testing.assert_allclose(boxes[instance], others[instance], atol=1e-6)
            shared += 1
    assert shared > 20


def of_frame(truth: GroundTruth, token: str, classes: Taxonomy) -> dict[str, NDArrayFloat]:
    """Centre, size and direction of a keyframe's boxes by object; classes are told by number."""
    rows = truth[truth.sample_token == token]
    c = rows.cuboids
    numbers = [classes.class_names.index(name) for name in rows.class_name]
    columns = np.column_stack(
        [
            c.center_m,
            c.length_m,
            c.width_m,
            c.height_m,
            np.cos(c.yaw_rad),
            np.sin(c.yaw_rad),
            numbers,
        ]
    )
    return dict(zip(rows.instance_token.tolist(), columns, strict=True))


def test_images_show_the_boxes(data: DataSet, scene: IndexedScene, raw: Path) -> None:
    visible = read_visible_instances(raw, TRAIN)
    cameras, hits = scene.cameras, 0
    assert set(visible) == set(cameras.camera_token)
    assert read_seed(raw) == load_params().seed
    entries = json.loads((raw / f"instances/{TRAIN}.json").read_text())
    for row in range(10):
        ids = read_instances(raw / instance_image_path(str(cameras.camera_token[row])))
        assert ids.shape == (cameras.height_px[row], cameras.width_px[row])
        instance_of = {
            e["instance_token"]: e["instance_id"] for e in entries[cameras.camera_token[row]]
        }
        truth = scene.ground_truth[scene.ground_truth.sample_token == cameras.sample_token[row]]
        pose = SE3.from_pose(cameras.global_SE3_camera[row])
        pixels, depth_m = project_points(
            pose.inverse().transform_points(truth.center_m),
            cameras.intrinsics_px[row].reshape(3, 3),
        )
        there = inside_image(pixels, depth_m, ids.shape[1], ids.shape[0], 1.0)
        for (u, v), token in zip(pixels[there], truth.instance_token[there], strict=True):
            hits += ids[int(v), int(u)] == instance_of.get(token)
    assert hits > 10


def test_towns_have_their_maps(data: DataSet, scene: IndexedScene) -> None:
    (location,) = set(scene.frames.location)
    lanes = data.lanes(location, 1.0)
    assert len(lanes) > 100
    ego_m = scene.frames.global_SE3_ego[0, 4:6]
    assert np.linalg.norm(lanes.position_m - ego_m, axis=1).min() < 2
    assert len(data.map_areas(location)) > 0


def test_types_are_those_of_the_class_list(classes: Taxonomy) -> None:
    for category, class_name in classes.category_classes.items():
        if "." in category:
            kind = next(k for start, k in _KINDS.items() if category.startswith(start))
            assert classes.category_classes[kind] == class_name
