"""The real sequence, put back into PandaSet's layout, is read as it is from nuScenes' format.

Another program converted it from PandaSet, with the same assumptions (docs/pandaset.md).
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cm3d.datasets.nuscenes import CARD as NUSCENES_CARD
from cm3d.datasets.nuscenes import NuScenes
from cm3d.datasets.pandaset import CARD, open_dataset
from cm3d.datasets.pandaset.rig import POSE_SE3_LIDAR
from cm3d.datasets.protocol import IndexedScene
from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.se3 import SE3
from cm3d.params import load_params
from cm3d.sensors.lidar import read_sweep
from cm3d.tables import GroundTruth
from cm3d.taxonomy import load_taxonomy
from tests.conftest import PROJECT
from tests.datasets.pandaset.native import cuboid, write_frame, write_json

SWEEPS = 11  # a second: three keyframes
EVERY = 50  # of the points
SHARED = PROJECT.parent / "shared" / "real" / "pandaset-002"
LABELS = {
    "car": "Car",
    "truck": "Pickup Truck",
    "trailer": "Towed Object",
    "construction_vehicle": "Other Vehicle - Construction Vehicle",
    "pedestrian": "Pedestrian",
    "motorcycle": "Motorcycle",
    "traffic_cone": "Cones",
}
ATTRIBUTES = {
    "vehicle.moving": ("attributes.object_motion", "Moving"),
    "vehicle.stopped": ("attributes.object_motion", "Stopped"),
    "vehicle.parked": ("attributes.object_motion", "Parked"),
    "cycle.with_rider": ("attributes.rider_status", "With Rider"),
    "cycle.without_rider": ("attributes.rider_status", "Without Rider"),
    "pedestrian.moving": ("attributes.pedestrian_behavior", "Walking"),
    "pedestrian.standing": ("attributes.pedestrian_behavior", "Standing"),
    "pedestrian.sitting_lying_down": ("attributes.pedestrian_behavior", "Sitting"),
}


@pytest.fixture(scope="module")
def real() -> Path:
    """The real sequence in nuScenes' format, or a skip."""
    root = Path(os.environ.get("CM3D_PANDASET", SHARED))
    if not root.is_dir():
        pytest.skip(f"no real sequence at {root}; set CM3D_PANDASET")
    return root


@pytest.fixture(scope="module")
def expected(real: Path) -> IndexedScene:
    """Its first second as nuScenes' guest indexes it."""
    taxonomy = load_taxonomy("pandaset", PROJECT / "taxonomies")
    scene = NuScenes(real, "v1.0-mini", 30, taxonomy).scene("scene-0553")
    tokens = set(scene.frames.sample_token[: SWEEPS // 5 + 1])

    def first(table: Any) -> Any:
        return table[np.array([token in tokens for token in table.sample_token])]

    return IndexedScene(
        *(first(table) for table in (scene.frames, scene.sweeps, scene.cameras)),
        first(scene.ground_truth),
    )


@pytest.fixture(scope="module")
def found(
    real: Path, expected: IndexedScene, tmp_path_factory: pytest.TempPathFactory
) -> tuple[IndexedScene, Path]:
    """The same as PandaSet's guest indexes it, and the root."""
    root = tmp_path_factory.mktemp("native")
    write_native(root / "002", expected, real)
    params = load_params(PROJECT / "params.yaml")
    changes = {"name": "pandaset", "version": "2hz", "root": str(root), "past_sweeps": 10}
    update = {
        "dataset": params.dataset.model_copy(update=changes),
        "execution": params.execution.model_copy(update={"engine": "serial"}),
    }
    taxonomy = load_taxonomy("pandaset", PROJECT / "taxonomies")
    data = open_dataset(params.model_copy(update=update), taxonomy, root / "raw")
    return data.scene("002"), root


def write_native(folder: Path, scene: IndexedScene, real: Path) -> None:
    """The first second of a sequence in PandaSet's layout, with every fiftieth point."""
    last = scene.sweeps[scene.sweeps.sample_token == scene.frames.sample_token[-1]]
    sweeps = last[np.argsort(-last.sweep_index)][-SWEEPS:]
    end_s = scene.frames.timestamp_us[-1] * 1e-6
    times_s = end_s - sweeps.time_lag_s
    poses = []
    for number in range(SWEEPS):
        world_SE3_lidar = SE3.from_pose(sweeps.global_SE3_lidar[number])
        poses.append(as_json(world_SE3_lidar @ POSE_SE3_LIDAR.inverse()))
        points = read_sweep(real / sweeps.path[number], NUSCENES_CARD.lidar)[::EVERY]
        world_m = world_SE3_lidar.transform_points(points[:, :3].astype(np.float64))
        frame = pd.DataFrame(world_m, columns=["x", "y", "z"])
        write_frame(
            folder / f"lidar/{number:02d}.pkl.gz", frame.assign(i=points[:, 3] * 255.0, t=0.0, d=0)
        )
        is_keyframe = number % 5 == 0
        token = scene.frames.sample_token[number // 5]
        truth = scene.ground_truth[scene.ground_truth.sample_token == token]
        table = pd.DataFrame(cuboids(truth))
        write_frame(
            folder / f"annotations/cuboids/{number:02d}.pkl.gz", table if is_keyframe else table[:0]
        )
    write_json(folder / "lidar/poses.json", poses)
    write_json(folder / "lidar/timestamps.json", times_s.tolist())
    for channel in sorted(set(scene.cameras.channel)):
        place, own = folder / "camera" / channel, scene.cameras[scene.cameras.channel == channel]
        fx, _, cx, _, fy, cy = own.intrinsics_px[0, :6]
        place.mkdir(parents=True)
        for row, path in enumerate(own.path):
            (place / f"{5 * row:02d}.jpg").symlink_to((real / path).resolve())
        seen_from = [as_json(SE3.from_pose(pose)) for pose in own.global_SE3_camera]
        write_json(place / "poses.json", [seen_from[number // 5] for number in range(SWEEPS)])
        write_json(place / "timestamps.json", (times_s - 0.05).tolist())
        write_json(place / "intrinsics.json", {"fx": fx, "fy": fy, "cx": cx, "cy": cy})


def as_json(pose: SE3) -> dict[str, Any]:
    w, qx, qy, qz, x, y, z = pose.as_pose().tolist()
    return {"position": {"x": x, "y": y, "z": z}, "heading": {"w": w, "x": qx, "y": qy, "z": qz}}


def cuboids(truth: GroundTruth) -> list[dict[str, Any]]:
    rows = []
    for i in range(len(truth)):
        x, y, z = truth.center_m[i]
        changes = {
            "yaw": truth.yaw_rad[i] - np.pi / 2,
            "position.z": z,
            "dimensions.x": truth.width_m[i],
            "dimensions.y": truth.length_m[i],
            "dimensions.z": truth.height_m[i],
        }
        if truth.attribute_name[i]:
            column, word = ATTRIBUTES[truth.attribute_name[i]]
            changes[column] = word
        rows.append(cuboid(truth.instance_token[i], LABELS[truth.class_name[i]], x, y, **changes))
    return rows


def test_times_and_poses(expected: IndexedScene, found: tuple[IndexedScene, Path]) -> None:
    scene, _ = found
    assert np.abs(scene.frames.timestamp_us - expected.frames.timestamp_us).max() <= 1
    np.testing.assert_allclose(
        scene.frames.global_SE3_ego, expected.frames.global_SE3_ego, atol=1e-6
    )
    lidar, other = (
        table[np.lexsort([table.sweep_index, table.sample_token.astype(str)])]
        for table in (
            scene.sweeps[scene.sweeps.sample_token == "002-10"],
            expected.sweeps[expected.sweeps.sample_token == expected.frames.sample_token[-1]],
        )
    )
    np.testing.assert_allclose(lidar.global_SE3_lidar, other.global_SE3_lidar[:SWEEPS], atol=1e-6)
    np.testing.assert_allclose(lidar.time_lag_s, other.time_lag_s[:SWEEPS], atol=2e-6)
    for name in ("channel", "width_px", "height_px", "intrinsics_px"):
        assert np.array_equal(getattr(scene.cameras, name), getattr(expected.cameras, name))
    np.testing.assert_allclose(
        scene.cameras.global_SE3_camera, expected.cameras.global_SE3_camera, atol=1e-6
    )


def test_points(real: Path, expected: IndexedScene, found: tuple[IndexedScene, Path]) -> None:
    scene, root = found
    own = scene.sweeps[scene.sweeps.sweep_index == 0]
    others = expected.sweeps[expected.sweeps.sweep_index == 0]
    for path, other in zip(own.path, others.path, strict=True):
        points = read_sweep(root / path, CARD.lidar)
        whole = read_sweep(real / other, NUSCENES_CARD.lidar)
        np.testing.assert_allclose(points, whole[::EVERY], atol=2e-5)


def test_boxes(expected: IndexedScene, found: tuple[IndexedScene, Path]) -> None:
    scene, _ = found
    truth, other = scene.ground_truth, expected.ground_truth
    for name in ("class_name", "instance_token", "attribute_name", "length_m", "width_m"):
        assert np.array_equal(getattr(truth, name), getattr(other, name)), name
    np.testing.assert_allclose(truth.center_m, other.center_m)
    np.testing.assert_allclose(wrap_angle(truth.yaw_rad - other.yaw_rad), 0, atol=1e-9)
    # nuScenes' definition also takes the keyframe after the last one here
    both = np.isfinite(truth.velocity_mps[:, 0]) & np.isfinite(other.velocity_mps[:, 0])
    middle = both & np.isin(truth.sample_token.astype(str), ["002-00", "002-05"])
    assert middle.sum() > 100
    np.testing.assert_allclose(truth.velocity_mps[middle], other.velocity_mps[middle], atol=1e-4)
