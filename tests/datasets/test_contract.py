"""What every data set of `cm3d.datasets` gives, and a user's own."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.guest import open_dataset
from cm3d.datasets.keyframes import with_counted_points
from cm3d.datasets.protocol import DataSet, guests
from cm3d.errors import InputError
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.geometry.se3 import SE3
from cm3d.params import Params, load_params
from cm3d.sensors.card import Sensors
from cm3d.sensors.lidar import is_whole, read_sweep
from cm3d.tables.map_areas import MapAreas
from cm3d.taxonomy import Taxonomy
from stages.download import write_index
from tests.datasets.pandaset.native import write_native
from tests.tiny_waymo import write_waymo
from tests.trust.refusal import of_other_systems

Open = Callable[[str], DataSet]


@pytest.fixture
def opened(
    database: Path, tmp_path: Path, taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> Open:
    """Opens a data set by name: small ones in their own formats, the embedded one is simulated."""
    monkeypatch.setenv("NUSCENES_ROOT", str(database))
    monkeypatch.setenv("WAYMO_ROOT", str(tmp_path / "waymo"))
    write_waymo(tmp_path / "waymo")
    monkeypatch.setenv("PANDASET_ROOT", str(tmp_path / "pandaset"))
    write_native(tmp_path / "pandaset")
    small = {"train_scenes": 1, "val_scenes": 1, "keyframes_per_scene": 2, "image_scale": 0.1}

    def params(name: str) -> Params:
        values = load_params()
        dataset = {"name": name, "version": version_of(name), "past_sweeps": 2}
        return values.model_copy(
            update={
                "dataset": values.dataset.model_copy(update=dataset),
                "simulation": values.simulation.model_copy(update=small),
                "execution": values.execution.model_copy(update={"engine": "serial"}),
            }
        )

    return lambda name: open_dataset(params(name), taxonomy, tmp_path / "raw")


def version_of(name: str) -> str:
    return "2hz" if name == "pandaset" else "v1.0-trainval"


@pytest.mark.parametrize("name", guests())
def test_a_guest_of_the_house(name: str, opened: Open, tmp_path: Path, taxonomy: Taxonomy) -> None:
    data = opened(name)
    assert data.card.name == name
    parts = {path.name for path in (tmp_path / "raw").iterdir()}
    assert {"lidar", "images", "instances", "maps", version_of(name)} <= parts
    splits = data.scenes()
    assert set(splits) == {"train", "val"}
    for split, names in splits.items():
        for scene_name in names:
            check_scene(data, scene_name, split, taxonomy)
    assert write_index(data, tmp_path / "index", 1.0)["scenes"] == sum(map(len, splits.values()))
    assert all(isinstance(note, str) for note in data.notes(["nowhere"]))
    assert len(data.lanes("nowhere", 1.0)) == 0
    assert len(data.map_areas("nowhere")) == 0
    maps = {kind: (tmp_path / "index" / kind).glob("*") for kind in ("lanes", "map_areas")}
    files = {kind: sorted(path.name for path in paths) for kind, paths in maps.items()}
    assert files["lanes"] == files["map_areas"]
    drawn = [MapAreas.read(tmp_path / "index/map_areas" / file) for file in files["map_areas"]]
    if name in ("sim", "waymo_sim"):
        assert all(areas.ground_map().classes() == set(MAP_CLASSES) for areas in drawn)


def check_scene(data: DataSet, name: str, split: str, taxonomy: Taxonomy) -> None:
    scene = data.scene(name)
    frames = scene.frames
    assert set(frames.scene_name) == {name}
    assert set(frames.split) == {split}
    assert (np.diff(frames.timestamp_us) > 0).all()
    assert len(set(frames.sample_token)) == len(frames)
    # every keyframe has its own sweep first and none of the future
    keyframes = scene.sweeps[scene.sweeps.sweep_index == 0]
    assert sorted(keyframes.sample_token) == sorted(frames.sample_token)
    assert (keyframes.time_lag_s == 0).all()
    assert (scene.sweeps.time_lag_s >= 0).all()
    for table in (scene.sweeps, scene.cameras, scene.ground_truth, scene.bicycle_racks):
        assert set(table.sample_token) <= set(frames.sample_token)
    for poses in (
        frames.global_SE3_ego,
        keyframes.global_SE3_lidar,
        scene.cameras.global_SE3_camera,
    ):
        np.testing.assert_allclose(np.linalg.norm(poses[:, :4], axis=1), 1, atol=1e-9)
    assert set(scene.ground_truth.class_name) <= set(taxonomy.class_names)
    for path in scene.sweeps.path:
        assert is_whole(data.root / path, data.card.lidar)
        points = read_sweep(data.root / path, data.card.lidar)
        assert points.shape[1] == 5
        assert points[:, 3].min(initial=0) >= 0
        assert points[:, 3].max(initial=0) <= 1
    assert all((data.root / path).stat().st_size for path in scene.cameras.path)


def test_an_unknown_data_set_is_one_line(opened: Open) -> None:
    with pytest.raises(
        InputError,
        match=r"'kitti'; there are nuscenes, pandaset, sim, waymo, waymo_sim; docs/own.*git add",
    ):
        opened("kitti")


def test_the_example_of_the_docs(
    own_data: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE_ROOT", str(own_data))
    data = opened("mine")
    assert data.scenes() == {"train": ["drive_1"], "val": ["drive_2"]}
    scene = with_counted_points(data.scene("drive_1"), Sensors(data.root, data.card.lidar))
    # the LiDAR stands 2 m above the ego vehicle, which drives 1 m per frame along +y, facing it
    lidar = SE3.from_pose(scene.sweeps[scene.sweeps.sweep_index == 0].global_SE3_lidar[1])
    np.testing.assert_allclose(lidar.translation_m, [0, 1, 2], atol=1e-12)
    np.testing.assert_allclose(lidar.rotate(np.array([[1.0, 0, 0]])), [[0, 1, 0]], atol=1e-12)
    assert scene.sweeps.sweep_index.tolist() == [0, 0, 1, 0, 1, 2]
    assert scene.sweeps.path[2] == "drive_1/lidar/0.bin"
    assert scene.cameras.camera_token.tolist() == [f"drive_1-{i}-front" for i in range(3)]
    assert scene.ground_truth.class_name.tolist() == ["car"] * 3  # the animal is no class
    assert scene.ground_truth.num_lidar_points.tolist() == [8, 8, 8]


def test_the_example_reads_files_of_other_systems(
    own_data: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in own_data.glob("*.json"):
        path.write_bytes(of_other_systems(path.read_text().replace(", ", ",\n")))
    monkeypatch.setenv("MINE_ROOT", str(own_data))
    assert opened("mine").scenes() == {"train": ["drive_1"], "val": ["drive_2"]}


def test_own_data_is_described_by_its_files(own_data: Path) -> None:
    rig = json.loads((own_data / "calibration.json").read_text())
    assert set(rig) == {"ego_SE3_lidar", "cameras"}
