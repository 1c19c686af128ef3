"""LiDAR sweeps and camera images of a keyframe, with their poses."""

import numpy as np

from cm3d.datasets.database import NuScenesTables, Record
from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.tables import Cameras, Sweeps
from cm3d.tables.vocabulary import LIDAR_CHANNEL


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
    intrinsics_px = [
        tables.find("calibrated_sensor", record["calibrated_sensor_token"])["camera_intrinsic"]
        for record in records
    ]
    return Cameras.from_columns(
        camera_token=[record["token"] for record in records],
        sample_token=[sample_token] * len(records),
        channel=channels,
        path=[record["filename"] for record in records],
        width_px=[record["width"] for record in records],
        height_px=[record["height"] for record in records],
        intrinsics_px=np.array(intrinsics_px, dtype=np.float64).reshape(-1, 9),
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
    return SE3.from_pose(np.array([*record["rotation"], *record["translation"]], dtype=np.float64))
