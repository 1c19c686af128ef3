from pathlib import Path

import numpy as np
import pytest
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.geometry_utils import view_points

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.scenes import index_scene
from cm3d.datasets.protocol import IndexedScene
from cm3d.errors import InputError
from cm3d.geometry.cameras import project_points
from cm3d.geometry.cuboids import box_corners
from cm3d.geometry.se3 import SE3
from cm3d.tables import Frames
from cm3d.taxonomy import Taxonomy

VERSION = "v1.0-trainval"


def test_frames_of_a_train_scene(database: Path, taxonomy: Taxonomy) -> None:
    tables = NuScenesTables(database, VERSION)
    frames = index_scene(tables, "scene-0001", 9, taxonomy).frames
    assert frames.sample_token.tolist() == [f"scene-0001/{i}" for i in range(4)]
    assert set(frames.split) == {"train"}
    assert set(frames.location) == {"town"}
    np.testing.assert_allclose(frames.global_SE3_ego[:, 4], [0, 1, 2, 6])


def test_frames_of_a_val_scene(database: Path, taxonomy: Taxonomy) -> None:
    frames = index_scene(NuScenesTables(database, VERSION), "scene-0003", 9, taxonomy).frames
    assert set(frames.split) == {"val"}


def test_counts_of_a_scene(database: Path, taxonomy: Taxonomy) -> None:
    scene = index_scene(NuScenesTables(database, VERSION), "scene-0001", 2, taxonomy)
    assert len(scene.sweeps) == 1 + 3 + 3 + 3
    assert len(scene.cameras) == 4 * 2
    assert len(scene.ground_truth) == 4 + 1
    assert len(scene.bicycle_racks) == 4


def test_the_index_survives_the_disk(database: Path, tmp_path: Path, taxonomy: Taxonomy) -> None:
    frames = index_scene(NuScenesTables(database, VERSION), "scene-0001", 2, taxonomy).frames
    frames.write(tmp_path / "scene-0001.parquet")
    read = Frames.read(tmp_path / "scene-0001.parquet")
    np.testing.assert_array_equal(read.global_SE3_ego, frames.global_SE3_ego)


def test_a_scene_in_no_split_is_refused(database: Path, taxonomy: Taxonomy) -> None:
    (database / VERSION / "splits.json").write_text('{"train": ["scene-0001"]}')
    with pytest.raises(InputError, match="'scene-0003' is in no split"):
        index_scene(NuScenesTables(database, VERSION), "scene-0003", 2, taxonomy)


@pytest.fixture(scope="module")
def devkit(real_keyframe: Path) -> NuScenes:
    return NuScenes("v1.0-mini", str(real_keyframe), verbose=False)


@pytest.fixture(scope="module")
def real_scene(real_keyframe: Path, taxonomy: Taxonomy) -> IndexedScene:
    return index_scene(NuScenesTables(real_keyframe, "v1.0-mini"), "scene-0061", 9, taxonomy)


@pytest.mark.real
def test_real_boxes_are_the_devkits(real_scene: IndexedScene, devkit: NuScenes) -> None:
    boxes = real_scene.ground_truth
    assert len(boxes) == 68
    corners_m = box_corners(boxes.cuboids)
    for row, instance in enumerate(boxes.instance_token):
        token = devkit.get("instance", instance)["first_annotation_token"]
        theirs = devkit.get_box(token)
        np.testing.assert_allclose(boxes.center_m[row], theirs.center)
        # nuScenes' boxes lean by up to a degree or two; the task's boxes stand upright.
        offset_m = corners_m[row].mean(axis=0) - theirs.corners().mean(axis=1)
        np.testing.assert_allclose(offset_m, 0, atol=1e-9)
        yaw_rad = np.arctan2(theirs.rotation_matrix[1, 0], theirs.rotation_matrix[0, 0])
        np.testing.assert_allclose(boxes.yaw_rad[row], yaw_rad, atol=1e-9)
        np.testing.assert_array_equal(np.isnan(boxes.velocity_mps[row]), [True, True])
        np.testing.assert_array_equal(devkit.box_velocity(token)[:2], boxes.velocity_mps[row])


@pytest.mark.real
def test_real_sensors_are_the_devkits(real_scene: IndexedScene, devkit: NuScenes) -> None:
    sample = devkit.get("sample", str(real_scene.frames.sample_token[0]))
    assert set(real_scene.cameras.channel) == {c for c in sample["data"] if c.startswith("CAM")}
    assert real_scene.sweeps.path.tolist() == [
        devkit.get("sample_data", sample["data"]["LIDAR_TOP"])["filename"]
    ]
    for row, channel in enumerate(real_scene.cameras.channel):
        token = sample["data"][channel]
        assert real_scene.cameras.camera_token[row] == token
        _, boxes, intrinsics = devkit.get_sample_data(token)
        camera_SE3_global = SE3.from_pose(real_scene.cameras.global_SE3_camera[row]).inverse()
        theirs_m = np.array([box.center for box in boxes])
        anns = [devkit.get("sample_annotation", box.token) for box in boxes]
        ours_m = camera_SE3_global.transform_points(np.array([a["translation"] for a in anns]))
        np.testing.assert_allclose(ours_m, theirs_m, atol=1e-6)
        ours_px, _ = project_points(ours_m, real_scene.cameras.intrinsics_px[row].reshape(3, 3))
        theirs_px = view_points(theirs_m.T, np.array(intrinsics), normalize=True)[:2].T
        np.testing.assert_allclose(ours_px, theirs_px, atol=1e-5)
