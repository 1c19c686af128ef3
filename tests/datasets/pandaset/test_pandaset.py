"""PandaSet's own layout, with coordinates worked out by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cm3d.datasets.guest import Guest, open_dataset
from cm3d.datasets.keyframes import with_counted_points
from cm3d.datasets.pandaset import CARD, PandaSet
from cm3d.datasets.protocol import DataSet, IndexedScene
from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.params import load_params
from cm3d.sensors.card import Sensors
from cm3d.sensors.lidar import read_sweep
from cm3d.taxonomy import Taxonomy, load_taxonomy
from stages.download import write_index
from tests.conftest import PROJECT
from tests.datasets.pandaset.native import (
    START_S,
    SWEEPS,
    boxes_at,
    cuboid,
    sibling,
    write_frame,
    write_json,
    write_native,
    write_sequence,
)

Open = Callable[..., DataSet]
ANY_TWO = {"near": 20.0, "far": 40.0}  # by name, x in metres


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of two sequences, found by its variable."""
    write_native(tmp_path / "pandaset")
    monkeypatch.setenv("PANDASET_ROOT", str(tmp_path / "pandaset"))
    return tmp_path / "pandaset"


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Opens the data set."""

    def open_pandaset(
        version: str = "2hz", past_sweeps: int = 2, taxonomy: str = "pandaset"
    ) -> DataSet:
        params = load_params()
        changes = {"name": "pandaset", "version": version, "past_sweeps": past_sweeps}
        dataset = params.dataset.model_copy(update=changes)
        execution = params.execution.model_copy(update={"engine": "serial"})
        params = params.model_copy(update={"dataset": dataset, "execution": execution})
        return open_dataset(
            params, load_taxonomy(taxonomy, PROJECT / "taxonomies"), tmp_path / "raw"
        )

    return open_pandaset


def first_scene(data: DataSet) -> IndexedScene:
    return with_counted_points(data.scene("001"), Sensors(data.root, data.card.lidar))


def test_points_come_to_the_frame_of_the_sensor(root: Path, opened: Open) -> None:
    """x is right, y forward, z up; the Pandar64 is 0.66 m ahead of the pose and 1.85 m above."""
    data = opened()
    sweeps = data.scene("001").sweeps
    points = read_sweep(root / sweeps.path[0], data.card.lidar)
    np.testing.assert_allclose(
        points[:, :4],
        # ahead; to the left; of the forward LiDAR none; 9.34 m ahead, 1.45 m below the sensor
        [[0, 10, 0, 0], [-3, 0, 0, 1], [0, 9.34, -1.45, 0.2]],
        atol=1e-6,
    )
    # a metre on, after two sweeps, what stands is a metre nearer
    later = read_sweep(root / "cm3d/sweeps/001/02.bin", data.card.lidar)
    np.testing.assert_allclose(later[0, :3], [0, 9, 0], atol=1e-6)


def test_frames_of_ego_lidar_and_cameras(root: Path, opened: Open) -> None:
    scene = first_scene(opened())
    ego = SE3.from_pose(scene.frames.global_SE3_ego[1])
    np.testing.assert_allclose(ego.translation_m, [2.5, 2, -0.3], atol=1e-9)  # on the ground
    np.testing.assert_allclose(ego.rotation, np.eye(3), atol=1e-9)  # drives along +x
    lidar = SE3.from_pose(scene.sweeps.global_SE3_lidar[0])
    np.testing.assert_allclose(lidar.translation_m, [0.66, 2, 1.95], atol=1e-9)
    camera = SE3.from_pose(scene.cameras.global_SE3_camera[0])
    np.testing.assert_allclose(camera.rotate(np.eye(3))[2], [1, 0, 0], atol=1e-9)  # looks ahead
    assert scene.cameras.channel.tolist() == ["back_camera", "front_camera"] * 3
    assert scene.cameras.path[3] == "001/camera/front_camera/05.jpg"
    assert scene.cameras.intrinsics_px[0].tolist() == [90, 0, 48, 0, 91, 27, 0, 0, 1]
    assert (scene.cameras.width_px[0], scene.cameras.height_px[0]) == (96, 54)


def test_every_fifth_sweep_is_a_keyframe(root: Path, opened: Open) -> None:
    scene = first_scene(opened())
    assert scene.frames.sample_token.tolist() == ["001-00", "001-05", "001-10"]
    start_us = round(START_S * 1e6)
    assert scene.frames.timestamp_us.tolist() == [start_us + t for t in (0, 500_000, 1_000_000)]
    sweeps = scene.sweeps
    of_second = sweeps[sweeps.sample_token == "001-05"]
    assert of_second.sweep_index.tolist() == [0, 1, 2]
    assert of_second.path.tolist() == [f"cm3d/sweeps/001/{k:02d}.bin" for k in (5, 4, 3)]
    np.testing.assert_allclose(of_second.time_lag_s, [0, 0.1, 0.2], atol=1e-9)
    assert set(sweeps.sample_token) == set(scene.cameras.sample_token)


def test_or_every_one(root: Path, opened: Open) -> None:
    scene = first_scene(opened("10hz"))
    assert len(scene.frames) == SWEEPS
    assert len(scene.cameras) == 2 * SWEEPS
    assert len(scene.ground_truth) == 2 * SWEEPS


def test_boxes(root: Path, opened: Open) -> None:
    truth = first_scene(opened()).ground_truth
    car = truth[truth.class_name == "car"]
    assert car.instance_token.tolist() == ["p64"] * 3  # its box of the forward LiDAR is left out
    np.testing.assert_allclose(car.center_m[0], [10, 2, 0.5])
    assert (car.length_m[0], car.width_m[0], car.height_m[0]) == (4.6, 1.9, 1.7)
    np.testing.assert_allclose(car.yaw_rad, 0, atol=1e-9)  # it looks along +x
    np.testing.assert_allclose(car.velocity_mps, [[10, 0]] * 3, atol=1e-6)
    assert car.attribute_name.tolist() == ["vehicle.moving"] * 3
    assert car.num_lidar_points.tolist() == [1, 0, 0]  # at 10 m, of the Pandar64 alone
    walker = truth[truth.class_name == "pedestrian"]
    assert walker.attribute_name.tolist() == ["pedestrian.moving"] * 3
    np.testing.assert_allclose(walker.velocity_mps, 0, atol=1e-9)
    assert set(truth.class_name) == {"car", "pedestrian"}


def test_boxes_of_one_lidar_without_another_box_stay_apart(root: Path, opened: Open) -> None:
    path = root / "001/annotations/cuboids/00.pkl.gz"
    lone = [cuboid(name, "Car", x_m, 9.0, **sibling("-", 1)) for name, x_m in ANY_TWO.items()]
    write_frame(path, pd.DataFrame([*boxes_at(0), *lone]))
    truth = first_scene(opened()).ground_truth
    assert set(truth.instance_token) == {"p64", "walker", *ANY_TWO}


def test_class_lists(root: Path, opened: Open) -> None:
    data = opened(taxonomy="pandaset25")
    assert set(data.scene("001").ground_truth.class_name) == {"car", "pedestrian", "sign"}
    assert data.notes([]) == []
    data = opened()
    data.scene("001")
    (note,) = data.notes([])
    assert "3 boxes of 1 labels are of no class of taxonomy pandaset" in note
    assert "Signs (3)" in note


def test_splits(root: Path, opened: Open) -> None:
    assert opened().scenes() == {"train": ["001"], "val": ["005"]}
    write_json(root / "splits.json", {"train": ["005"], "contest_val": ["001", "099"]})
    assert opened().scenes() == {"train": ["005"], "val": ["001"]}
    assert set(opened().scene("001").frames.split) == {"val"}
    write_json(root / "splits.json", {"train": ["099"]})
    with pytest.raises(InputError, match=r"splits\.json: names no sequence of "):
        opened()


def test_conversion_is_done_once(
    root: Path, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    manifest = (tmp_path / "raw/lidar/manifest.json").read_text()
    made = root / "cm3d/sweeps/001/03.bin"
    before = made.stat()
    opened()
    assert made.stat() == before
    assert (tmp_path / "raw/lidar/manifest.json").read_text() == manifest
    made.write_bytes(b"")  # cut short
    opened()
    assert made.stat().st_size == before.st_size
    write_sequence(root / "001", SWEEPS - 1)
    (root / "001/lidar/10.pkl.gz").unlink()
    (root / "001/annotations/cuboids/10.pkl.gz").unlink()
    assert len(opened("10hz").scene("001").frames) == SWEEPS - 1
    assert (tmp_path / "raw/lidar/manifest.json").read_text() != manifest


def test_without_boxes_there_is_no_truth(root: Path, opened: Open) -> None:
    for path in (root / "001/annotations/cuboids").iterdir():
        path.unlink()
    data = opened()
    assert len(data.scene("001").ground_truth) == 0
    assert "1 of 2 sequences have no annotations/cuboids" in data.notes([])[0]


def test_the_index_is_written(root: Path, opened: Open, tmp_path: Path) -> None:
    data = opened()
    counts = write_index(data, tmp_path / "index", 1.0)
    assert counts == {
        "scenes": 2,
        "frames": 6,
        "sweeps": 14,
        "cameras": 12,
        "ground_truth": 12,
        "bicycle_racks": 0,
    }
    assert data.card == CARD


def test_a_class_list_without_such_attributes(root: Path, opened: Open) -> None:
    data = opened()
    assert isinstance(data, Guest)
    assert isinstance(data.given, PandaSet)
    whole = data.given.taxonomy
    car = whole.classes["car"].model_copy(update={"attributes": None})
    bare = whole.model_copy(update={"attributes": {}, "classes": {"car": car}})
    scene = replace(data.given, taxonomy=Taxonomy.model_validate(bare.model_dump())).scene("001")
    assert set(scene.ground_truth.class_name) == {"car"}
    assert set(scene.ground_truth.attribute_name) == {""}
