"""Simulate one scene: its sensor files, and its rows of the database."""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation
from cm3d.sensors.instances import instance_image_path
from cm3d.simulation import records
from cm3d.simulation.annotations import (
    Keyframe,
    annotation_rows,
    instance_rows,
    instance_token,
)
from cm3d.simulation.cameras import Picture, take_picture
from cm3d.simulation.lidar import Sweep, scan
from cm3d.simulation.plan import ScenePlan, Timeline, scene_plan
from cm3d.simulation.records import Row, token
from cm3d.simulation.rig import CAMERAS, EGO_SE3_LIDAR, CameraMount, image_size
from cm3d.simulation.snapshot import Stage
from cm3d.simulation.visibility import (
    Sight,
    look,
    sample_surfaces,
    union,
    visibility_level,
    visible_share,
)
from cm3d.simulation.world import World, build_world
from cm3d.tables.vocabulary import LIDAR_CHANNEL

__all__ = ["Recorder", "ScenePlan", "record_path", "scene_plan", "simulate_scene"]

_JPEG_QUALITY = 90


def record_path(root: Path, scene_name: str) -> Path:
    """Where a finished scene's rows wait for `assemble_database`."""
    return root / "records" / f"{scene_name}.json"


def simulate_scene(plan: ScenePlan, seed: int, params: Simulation, root: Path) -> None:
    """Write a scene's sensor files and, last, its record; a finished scene is left alone.

    Args:
        plan: Which scene.
        seed: The source of all randomness.
        params: Scale and sensors.
        root: Folder of the data set.

    Raises:
        InputError: The folder cannot be written.
    """
    path = record_path(root, plan.scene_name)
    if path.is_file():
        return
    duration_s = Timeline(params.keyframes_per_scene).duration_s
    world = build_world(seed, plan.scene_name, plan.location, duration_s, params.traffic_density)
    try:
        record = Recorder(world, plan, seed, params, root).record()
        records.write_whole(path, json.dumps(record).encode())
    except OSError as error:
        raise InputError(f"{root}: cannot be written ({error.strerror}); free it") from error


@dataclass(eq=False)
class Recorder:
    """A drive through one world, sensors running.

    Args:
        world: What there is.
        plan: Which scene it is.
        seed: Source of the sensors' noise.
        params: Scale and sensors.
        root: Folder of the data set.
    """

    world: World
    plan: ScenePlan
    seed: int
    params: Simulation
    root: Path
    _rows: dict[str, list[Row]] = field(init=False)
    _instances: dict[str, list[Row]] = field(init=False)

    def __post_init__(self) -> None:
        """Index what stands still."""
        self._timeline = Timeline(self.params.keyframes_per_scene)
        # Half a keyframe apart, so that no stop-and-go escapes notice.
        times_s = np.arange(0, self._timeline.duration_s + 0.25, 0.25)
        self._stage = Stage(self.world, times_s.tolist())
        self._samples = sample_surfaces(self.world.actors)

    def record(self) -> dict[str, list[Row]]:
        """Run the sensors, write their files, and return the scene's rows by table."""
        tables = ("log", "scene", "sample", "sample_data", "ego_pose", "sample_annotation")
        self._rows = {table: [] for table in tables}
        self._instances = {}
        for sweep_index in range(self._timeline.sweeps):
            self._run_lidar(sweep_index)
        self._describe_scene()
        content = json.dumps(self._instances, indent=1)
        records.write_whole(
            self.root / "instances" / f"{self.plan.scene_name}.json", content.encode()
        )
        return self._rows

    def _run_lidar(self, sweep_index: int) -> None:
        time_us = self._timeline.sweep_us(sweep_index)
        snapshot = self._stage.at(time_us / 1e6)
        global_SE3_lidar = self.world.ego.global_SE3_ego(time_us / 1e6) @ EGO_SE3_LIDAR
        rng = self._rng(LIDAR_CHANNEL, sweep_index)
        sweep = scan(snapshot, global_SE3_lidar, self.params, rng)
        is_keyframe = self._timeline.is_keyframe(sweep_index)
        sample_token = self._sample_token(self._timeline.keyframe_served(sweep_index))
        row = self._sensor_row(LIDAR_CHANNEL, time_us, sample_token, is_keyframe)
        records.write_whole(self.root / row["filename"], sweep.points.tobytes())
        if is_keyframe:
            self._run_keyframe(time_us, sample_token, sweep, global_SE3_lidar)

    def _run_keyframe(
        self, time_us: int, sample_token: str, sweep: Sweep, global_SE3_lidar: SE3
    ) -> None:
        scene_token = token("scene", self.plan.scene_name)
        timestamp_us = self.plan.start_us + time_us
        self._rows["sample"].append(
            {"token": sample_token, "timestamp": timestamp_us, "scene_token": scene_token}
        )
        sights = [self._run_camera(mount, time_us, sample_token) for mount in CAMERAS]
        levels = visibility_level(visible_share(union(sights)))
        keyframe = Keyframe(self.plan.scene_name, sample_token, time_us / 1e6)
        self._rows["sample_annotation"] += annotation_rows(
            keyframe, self.world.actors, levels, sweep, global_SE3_lidar
        )

    def _run_camera(self, mount: CameraMount, keyframe_us: int, sample_token: str) -> Sight:
        time_us = keyframe_us + mount.time_offset_us()
        snapshot = self._stage.at(time_us / 1e6)
        global_SE3_camera = self.world.ego.global_SE3_ego(time_us / 1e6) @ mount.ego_SE3_camera()
        rng = self._rng(mount.channel, keyframe_us)
        picture = take_picture(snapshot, mount, self.params.image_scale, global_SE3_camera, rng)
        row = self._sensor_row(mount.channel, time_us, sample_token, is_keyframe=True)
        _write_image(self.root / row["filename"], ".jpg", picture.rgb[..., ::-1])
        _write_image(self.root / instance_image_path(row["token"]), ".png", picture.instance_id)
        sight = look(snapshot, self._samples, mount, global_SE3_camera)
        self._instances[row["token"]] = self._on_picture(picture, sight)
        return sight

    def _on_picture(self, picture: Picture, sight: Sight) -> list[Row]:
        pixels = np.bincount(picture.instance_id.ravel(), minlength=np.iinfo(np.uint16).max + 1)
        shares = visible_share(sight)
        return [
            {
                "instance_id": actor.instance_id,
                "instance_token": instance_token(self.plan.scene_name, actor.instance_id),
                "class_name": actor.class_name,
                "visible_pixels": int(pixels[actor.instance_id]),
                "visible_share": float(share),
            }
            for actor, share in zip(self.world.actors, shares, strict=True)
            if pixels[actor.instance_id]
        ]

    def _sensor_row(self, channel: str, time_us: int, sample_token: str, is_keyframe: bool) -> Row:
        is_camera = channel != LIDAR_CHANNEL
        timestamp_us = self.plan.start_us + time_us
        key = token("sample_data", self.plan.scene_name, channel, timestamp_us)
        folder = "samples" if is_keyframe else "sweeps"
        name = f"{self.plan.scene_name}__{channel}__{timestamp_us}"
        width_px, height_px = image_size(self.params.image_scale) if is_camera else (0, 0)
        row = {
            "token": key,
            "sample_token": sample_token,
            "ego_pose_token": key,
            "calibrated_sensor_token": token("calibrated_sensor", channel),
            "timestamp": timestamp_us,
            "fileformat": "jpg" if is_camera else "pcd",
            "is_key_frame": is_keyframe,
            "height": height_px,
            "width": width_px,
            "filename": f"{folder}/{channel}/{name}.{'jpg' if is_camera else 'pcd.bin'}",
        }
        global_SE3_ego = self.world.ego.global_SE3_ego(time_us / 1e6)
        self._rows["sample_data"].append(row)
        self._rows["ego_pose"].append(
            {"token": key, "timestamp": timestamp_us, **records.pose_fields(global_SE3_ego)}
        )
        return row

    def _describe_scene(self) -> None:
        samples, annotations = self._rows["sample"], self._rows["sample_annotation"]
        records.link(samples, "scene_token")
        records.link(self._rows["sample_data"], "calibrated_sensor_token")
        records.link(annotations, "instance_token")
        name = self.plan.scene_name
        self._rows["instance"] = instance_rows(name, self.world.actors, annotations)
        log_token = token("log", name)
        self._rows["scene"] = [
            {
                "token": token("scene", name),
                "log_token": log_token,
                "nbr_samples": len(samples),
                "first_sample_token": samples[0]["token"],
                "last_sample_token": samples[-1]["token"],
                "name": name,
                "description": f"simulated drive, {len(self.world.actors)} objects",
            }
        ]
        self._rows["log"] = [
            {
                "token": log_token,
                "logfile": name,
                "vehicle": "simulated",
                "date_captured": str(np.datetime64(self.plan.start_us, "us"))[:10],
                "location": self.plan.location,
            }
        ]

    def _sample_token(self, keyframe: int) -> str:
        return token("sample", self.plan.scene_name, keyframe)

    def _rng(self, channel: str, index: int) -> np.random.Generator:
        keys = (self.plan.scene_name, channel)
        return np.random.default_rng([self.seed, *(zlib.crc32(k.encode()) for k in keys), index])


def _write_image(path: Path, suffix: str, pixels: np.ndarray) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix == ".jpg" else []
    _, content = cv2.imencode(suffix, pixels, options)
    records.write_whole(path, content.tobytes())
