import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.evaluation.nuscenes.scores import Curve, DetectionScores
from cm3d.tables import Boxes3D, Frames, GroundTruth
from tests.evaluation.known import ATTRIBUTE_NAMES, CLASS_NAMES

CATEGORIES = (
    "vehicle.car",
    "vehicle.truck",
    "vehicle.bicycle",
    "vehicle.motorcycle",
    "human.pedestrian.adult",
    "human.pedestrian.wheelchair",
    "movable_object.barrier",
    "movable_object.trafficcone",
    "static_object.bicycle_rack",
)
ATTRIBUTES = ("vehicle.parked", "vehicle.moving", "cycle.without_rider", "pedestrian.moving")
SCENES = ("scene-0061", "scene-0553")
SAMPLES = 3
OBJECTS = 60


@pytest.fixture
def make_boxes() -> Callable[..., Boxes3D]:
    """Cars of 4 x 2 x 1.5 m at the given x, y in frame `f`, with any column exchanged."""

    def make(xy_m: Any, **columns: Any) -> Boxes3D:
        return Boxes3D.from_columns(**_columns(np.array(xy_m, dtype=float).reshape(-1, 2), columns))

    return make


@pytest.fixture
def make_truth() -> Callable[..., GroundTruth]:
    """The same as ground truth, seen by ten LiDAR points."""

    def make(xy_m: Any, **columns: Any) -> GroundTruth:
        xy = np.array(xy_m, dtype=float).reshape(-1, 2)
        extra = {
            "instance_token": [f"i{row}" for row in range(len(xy))],
            "num_lidar_points": np.full(len(xy), 10),
            "num_radar_points": np.zeros(len(xy)),
            "visibility": np.full(len(xy), 4),
        }
        return GroundTruth.from_columns(**{**extra, **_columns(xy, columns)})

    return make


@pytest.fixture
def make_frames() -> Callable[..., Frames]:
    """Frames of one scene each, the ego vehicle at the origin."""

    def make(*tokens: str) -> Frames:
        count = len(tokens)
        return Frames.from_columns(
            sample_token=tokens,
            scene_name=[f"scene-of-{token}" for token in tokens],
            timestamp_us=np.arange(count),
            split=["val"] * count,
            location=[""] * count,
            global_SE3_ego=np.tile([1.0, 0, 0, 0, 0, 0, 0], (count, 1)),
        )

    return make


@pytest.fixture(scope="session")
def random_split() -> Callable[[int, int], tuple[Boxes3D, GroundTruth, Frames, Boxes3D]]:
    """Four crowded frames by seed and greatest number of boxes: predictions, truth, frames, racks.

    Ties abound: scores are rounded, half of the boxes stand on a grid or on its mirror image,
    and some of the predictions are beyond reach. Velocities and attributes may be unknown.
    """

    def make(seed: int, most: int) -> tuple[Boxes3D, GroundTruth, Frames, Boxes3D]:
        rng = np.random.default_rng(seed)
        tokens = ["a", "b", "c", "d"]
        frames = Frames.from_columns(
            sample_token=tokens,
            scene_name=[f"scene-of-{token}" for token in tokens],
            timestamp_us=range(4),
            split=["val"] * 4,
            location=[""] * 4,
            global_SE3_ego=np.tile([1.0, 0, 0, 0, 0, 0, 0], (4, 1)),
        )
        names = rng.choice(np.array(CLASS_NAMES, dtype=object), int(rng.integers(1, 4)))
        count = int(rng.integers(0, most))
        extra = {
            "instance_token": [str(row) for row in range(count)],
            "num_lidar_points": rng.integers(0, 5, count),
            "num_radar_points": np.zeros(count),
            "visibility": np.ones(count),
        }
        truth = GroundTruth.from_columns(**_random_columns(rng, names, count), **extra)
        predictions = Boxes3D.from_columns(
            **_random_columns(rng, names, int(rng.integers(0, 2 * most)))
        )
        return predictions, truth, frames, Boxes3D.empty()

    return make


@pytest.fixture(scope="session")
def assert_same_scores() -> Callable[[DetectionScores, DetectionScores], None]:
    """Compares every number and every curve to 1e-9; the engines may differ."""

    def check(ours: DetectionScores, theirs: DetectionScores) -> None:
        for field in fields(DetectionScores):
            if field.name not in ("engine", "present"):  # the latter is read off the tables
                _assert_close(getattr(ours, field.name), getattr(theirs, field.name), field.name)

    return check


def _assert_close(ours: Any, theirs: Any, where: str) -> None:
    if isinstance(ours, Curve):
        ours, theirs = vars(ours), vars(theirs)
    if isinstance(ours, dict):
        assert list(ours) == list(theirs), where
        for key, value in ours.items():
            _assert_close(value, theirs[key], f"{where} {key}")
    else:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9, err_msg=where)


def _random_columns(rng: np.random.Generator, names: Any, count: int) -> dict[str, Any]:
    grid_m = rng.integers(-3, 4, (count, 2)) * 0.7
    xy_m = np.where(rng.random((count, 1)) < 0.5, grid_m, rng.uniform(-3, 3, (count, 2)))
    xy_m[rng.random(count) < 0.1] += 28
    velocity_mps = rng.normal(0, 2, (count, 2))
    velocity_mps[rng.random(count) < 0.2] = np.nan
    attributes = np.array([*ATTRIBUTE_NAMES[:2], ""], dtype=object)
    return {
        "sample_token": rng.choice(np.array(list("abc"), dtype=object), count),
        "class_name": rng.choice(names, count),
        "score": np.round(rng.random(count), 1),
        "center_m": np.column_stack([xy_m, rng.normal(size=count)]),
        "length_m": rng.uniform(0.5, 5, count),
        "width_m": rng.uniform(0.5, 3, count),
        "height_m": rng.uniform(0.5, 3, count),
        "yaw_rad": rng.uniform(-7, 7, count),
        "velocity_mps": velocity_mps,
        "attribute_name": rng.choice(attributes, count),
    }


@pytest.fixture(scope="session")
def tiny_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A nuScenes v1.0-mini database of two scenes with random boxes, without sensor files."""
    root = tmp_path_factory.mktemp("nuscenes")
    (root / "v1.0-mini").mkdir()
    (root / "map.png").touch()
    for name, records in _database(np.random.default_rng(0)).items():
        (root / "v1.0-mini" / f"{name}.json").write_text(json.dumps(records))
    return root


def _columns(xy_m: Any, exchanged: dict[str, Any]) -> dict[str, Any]:
    count = len(xy_m)
    columns = {
        "sample_token": ["f"] * count,
        "class_name": ["car"] * count,
        "score": np.ones(count),
        "center_m": np.column_stack([xy_m, np.zeros(count)]),
        "length_m": np.full(count, 4.0),
        "width_m": np.full(count, 2.0),
        "height_m": np.full(count, 1.5),
        "yaw_rad": np.zeros(count),
        "velocity_mps": np.zeros((count, 2)),
        "attribute_name": ["vehicle.parked"] * count,
    }
    return columns | exchanged


def _database(rng: np.random.Generator) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {
        "category": [{"token": f"c{i}", "name": n} for i, n in enumerate(CATEGORIES)],
        "attribute": [{"token": f"a{i}", "name": n} for i, n in enumerate(ATTRIBUTES)],
        "visibility": [{"token": "4", "level": "v80-100"}],
        "sensor": [{"token": "lidar", "channel": "LIDAR_TOP", "modality": "lidar"}],
        "calibrated_sensor": [
            {
                "token": "calibration",
                "sensor_token": "lidar",
                "translation": [0, 0, 1.8],
                "rotation": [1, 0, 0, 0],
                "camera_intrinsic": [],
            }
        ],
        "log": [{"token": "log", "location": "singapore-onenorth"}],
        "map": [{"token": "map", "log_tokens": ["log"], "filename": "map.png"}],
    }
    rows = [_scene(scene, rng) for scene in SCENES]
    names = ("scene", "sample", "sample_data", "ego_pose", "instance", "sample_annotation")
    return tables | {name: [record for row in rows for record in row[name]] for name in names}


def _scene(scene: str, rng: np.random.Generator) -> dict[str, list[dict[str, Any]]]:
    times = [SCENES.index(scene) * 10**8 + index * 500_000 for index in range(SAMPLES)]
    keys = [f"{scene}-{index}" for index in range(SAMPLES)]
    position_m = rng.uniform(-300, 300, 2)
    objects = [_object(f"{scene}-{index}", position_m, rng) for index in range(OBJECTS)]
    return {
        "scene": [{"token": scene, "name": scene, "log_token": "log"}],
        "sample": [
            {"token": key, "scene_token": scene, "timestamp": time}
            for key, time in zip(keys, times, strict=True)
        ],
        "sample_data": [
            {
                "token": f"{key}-lidar",
                "sample_token": key,
                "ego_pose_token": f"{key}-pose",
                "calibrated_sensor_token": "calibration",
                "timestamp": time,
                "is_key_frame": True,
                "height": 0,
                "width": 0,
                "filename": f"{key}.pcd.bin",
                "prev": "",
            }
            for key, time in zip(keys, times, strict=True)
        ],
        "ego_pose": [
            {
                "token": f"{key}-pose",
                "translation": [position_m[0] + 2 * index, position_m[1], 0.0],
                "rotation": [1, 0, 0, 0],
            }
            for index, key in enumerate(keys)
        ],
        "instance": [
            {"token": annotations[0]["instance_token"], "category_token": category}
            for category, annotations in objects
        ],
        "sample_annotation": [record for _, records in objects for record in records],
    }


def _object(name: str, origin_m: Any, rng: np.random.Generator) -> tuple[str, list[dict[str, Any]]]:
    """One object over all samples of its scene; racks are large, so that they hold cycles."""
    category = int(rng.integers(len(CATEGORIES)))
    is_rack = CATEGORIES[category] == "static_object.bicycle_rack"
    start_m = np.append(origin_m + rng.uniform(-55, 55, 2), rng.uniform(0, 2))
    step_m = np.append(rng.normal(0, 1, 2), 0.0)
    yaw_rad = rng.uniform(-np.pi, np.pi)
    token = [f"{name}-{index}" for index in range(SAMPLES)] + [""]
    records = [
        {
            "token": token[index],
            "sample_token": f"{name.rsplit('-', 1)[0]}-{index}",
            "instance_token": name,
            "visibility_token": "4",
            "attribute_tokens": [f"a{rng.integers(len(ATTRIBUTES))}"] * int(rng.integers(2)),
            "translation": (start_m + index * step_m).tolist(),
            "size": [15, 25, 8] if is_rack else rng.uniform(0.5, 4, 3).tolist(),
            "rotation": [float(np.cos(yaw_rad / 2)), 0, 0, float(np.sin(yaw_rad / 2))],
            "prev": token[index - 1] if index else "",
            "next": token[index + 1],
            "num_lidar_pts": int(rng.integers(3)),
            "num_radar_pts": int(rng.integers(2)),
        }
        for index in range(SAMPLES)
    ]
    return f"c{category}", records
