"""Rows that describe a scene and its sensor files, and what is on its images."""

from collections.abc import Sequence

import numpy as np

from cm3d.geometry.se3 import SE3
from cm3d.simulation.database.annotations import instance_token
from cm3d.simulation.database.records import Row, pose_fields, token
from cm3d.simulation.schedule import ScenePlan
from cm3d.simulation.sensors.cameras import Picture
from cm3d.simulation.sensors.visibility import Sight, visible_share
from cm3d.simulation.world import Actor


def sensor_row(
    scene_name: str,
    channel: str,
    timestamp_us: int,
    sample_token: str,
    is_keyframe: bool,
    size_px: tuple[int, int] | None = None,
) -> Row:
    """A row of `sample_data`, not chained yet: an image of a width and height, or else a sweep.

    Files are not in nuScenes' `samples` and `sweeps`, because stages depend on points and on
    images apart; readers take the name as it stands in the row.
    """
    key = token("sample_data", scene_name, channel, timestamp_us)
    folder, suffix = ("images", "jpg") if size_px else ("lidar", "pcd.bin")
    width_px, height_px = size_px or (0, 0)
    return {
        "token": key,
        "sample_token": sample_token,
        "ego_pose_token": key,
        "calibrated_sensor_token": token("calibrated_sensor", scene_name, channel),
        "timestamp": timestamp_us,
        "fileformat": suffix.split(".")[0],
        "is_key_frame": is_keyframe,
        "height": height_px,
        "width": width_px,
        "filename": f"{folder}/{channel}/{scene_name}__{channel}__{timestamp_us}.{suffix}",
    }


def calibrated_row(
    scene_name: str, channel: str, ego_SE3_sensor: SE3, intrinsics_px: list[list[float]]
) -> Row:
    """The row of `calibrated_sensor`: each scene has a calibration of its own."""
    return {
        "token": token("calibrated_sensor", scene_name, channel),
        "sensor_token": token("sensor", channel),
        **pose_fields(ego_SE3_sensor),
        "camera_intrinsic": intrinsics_px,
    }


def scene_row(plan: ScenePlan, samples: Sequence[Row], num_actors: int) -> Row:
    """The row of `scene`; the samples are in time order."""
    return {
        "token": token("scene", plan.scene_name),
        "log_token": token("log", plan.scene_name),
        "nbr_samples": len(samples),
        "first_sample_token": samples[0]["token"],
        "last_sample_token": samples[-1]["token"],
        "name": plan.scene_name,
        "description": f"simulated drive, {num_actors} objects",
    }


def log_row(plan: ScenePlan) -> Row:
    """The row of `log`: each scene is a log of its own."""
    return {
        "token": token("log", plan.scene_name),
        "logfile": plan.scene_name,
        "vehicle": "simulated",
        "date_captured": str(np.datetime64(plan.start_us, "us"))[:10],
        "location": plan.location,
    }


def picture_entries(
    scene_name: str, actors: Sequence[Actor], picture: Picture, sight: Sight
) -> list[Row]:
    """What is on an image: an entry for each object with at least one pixel."""
    pixels = np.bincount(picture.instance_id.ravel(), minlength=np.iinfo(np.uint16).max + 1)
    return [
        {
            "instance_id": actor.instance_id,
            "instance_token": instance_token(scene_name, actor.instance_id),
            "class_name": actor.class_name,
            "visible_pixels": int(pixels[actor.instance_id]),
            "visible_share": float(share),
        }
        for actor, share in zip(actors, visible_share(sight), strict=True)
        if pixels[actor.instance_id]
    ]
