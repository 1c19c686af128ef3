"""One scene of a nuScenes database: keyframes, LiDAR sweeps, images and ground truth."""

import numpy as np

from cm3d.datasets.nuscenes import annotations
from cm3d.datasets.nuscenes.database import LIDAR_CHANNEL, NuScenesTables
from cm3d.datasets.nuscenes.records import Record
from cm3d.datasets.nuscenes.splits import scene_names
from cm3d.datasets.protocol import SPLITS, IndexedScene
from cm3d.errors import InputError
from cm3d.geometry.arrays import floats_or_nan
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes3D, Cameras, Frames, GroundTruth, Sweeps
from cm3d.taxonomy import Taxonomy


def index_scene(
    tables: NuScenesTables, scene_name: str, past_sweeps: int, taxonomy: Taxonomy
) -> IndexedScene:
    """Index one scene.

    Args:
        tables: The database.
        scene_name: A scene of its train or val split.
        past_sweeps: Sweeps listed per keyframe besides itself.
        taxonomy: Classes of the ground truth.

    Raises:
        InputError: The scene is unknown or in no split, or a record is missing.
    """
    tokens = [str(sample["token"]) for sample in tables.samples(scene_name)]
    return IndexedScene(
        frames=_frames(tables, scene_name, tokens),
        sweeps=Sweeps.concatenate(sweeps(tables, t, past_sweeps) for t in tokens),
        cameras=Cameras.concatenate(cameras(tables, t) for t in tokens),
        ground_truth=GroundTruth.concatenate(
            annotations.ground_truth(tables, t, taxonomy) for t in tokens
        ),
        bicycle_racks=Boxes3D.concatenate(annotations.bicycle_racks(tables, t) for t in tokens),
    )


def _frames(tables: NuScenesTables, scene_name: str, tokens: list[str]) -> Frames:
    lidar = [lidar_keyframe(tables, token) for token in tokens]
    poses = [global_SE3_ego(tables, record).as_pose() for record in lidar]
    return Frames.from_columns(
        sample_token=tokens,
        scene_name=[scene_name] * len(tokens),
        timestamp_us=[record["timestamp"] for record in lidar],
        split=[_split(tables, scene_name)] * len(tokens),
        location=[tables.location(scene_name)] * len(tokens),
        global_SE3_ego=poses,
    )


def _split(tables: NuScenesTables, scene_name: str) -> str:
    splits = scene_names(tables)
    for split in SPLITS:
        if scene_name in splits[split]:
            return split
    raise InputError(f"{tables.root}: scene {scene_name!r} is in no split; check dataset.version")


def lidar_keyframe(tables: NuScenesTables, sample_token: str) -> Record:
    """The LiDAR record of a keyframe.

    Raises:
        InputError: The keyframe has none.
    """
    data = tables.sensor_data(sample_token)
    if LIDAR_CHANNEL not in data:
        raise InputError(
            f"{tables.root / tables.version}/sample_data.json: keyframe {sample_token} has no "
            f"{LIDAR_CHANNEL}; fetch the tables again"
        )
    return data[LIDAR_CHANNEL]


def sweeps(tables: NuScenesTables, sample_token: str, past_sweeps: int) -> Sweeps:
    """The LiDAR file of a keyframe and up to `past_sweeps` before it, fewer as a scene begins."""
    records = [lidar_keyframe(tables, sample_token)]
    while len(records) <= past_sweeps and records[-1]["prev"]:
        records.append(tables.find("sample_data", records[-1]["prev"]))
    key_time_us = records[0]["timestamp"]
    return Sweeps.from_columns(
        sample_token=[sample_token] * len(records),
        sweep_index=np.arange(len(records)),
        path=[record["filename"] for record in records],
        time_lag_s=[(key_time_us - record["timestamp"]) * 1e-6 for record in records],
        global_SE3_lidar=[global_SE3_sensor(tables, r).as_pose() for r in records],
    )


def cameras(tables: NuScenesTables, sample_token: str) -> Cameras:
    """The images of a keyframe."""
    data = tables.sensor_data(sample_token)
    channels = sorted(set(data) - {LIDAR_CHANNEL})
    records = [data[channel] for channel in channels]
    mounted = [tables.find("calibrated_sensor", r["calibrated_sensor_token"]) for r in records]
    return Cameras.from_columns(
        camera_token=[record["token"] for record in records],
        sample_token=[sample_token] * len(records),
        channel=channels,
        path=[record["filename"] for record in records],
        width_px=[record["width"] for record in records],
        height_px=[record["height"] for record in records],
        intrinsics_px=[floats_or_nan(m["camera_intrinsic"], (3, 3)).ravel() for m in mounted],
        global_SE3_camera=[global_SE3_sensor(tables, record).as_pose() for record in records],
    )


def global_SE3_ego(tables: NuScenesTables, data: Record) -> SE3:
    """Ego pose at the time of a sensor file."""
    return _transform(tables.find("ego_pose", data["ego_pose_token"]))


def global_SE3_sensor(tables: NuScenesTables, data: Record) -> SE3:
    """Pose of the sensor at the time of its file."""
    ego_SE3_sensor = _transform(tables.find("calibrated_sensor", data["calibrated_sensor_token"]))
    return global_SE3_ego(tables, data) @ ego_SE3_sensor


def _transform(record: Record) -> SE3:
    return SE3.from_pose([*record["rotation"], *record["translation"]])
