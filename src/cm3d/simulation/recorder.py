"""A drive through one world with the sensors running: its files, and its rows of the database."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from cm3d.errors import unwritable
from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation
from cm3d.sensors.instances import FOLDER, instance_image_path
from cm3d.simulation.database.annotations import Keyframe, annotation_rows, instance_rows
from cm3d.simulation.database.records import (
    Row,
    is_finished,
    link,
    pose_fields,
    record_path,
    token,
    write_digests,
    write_whole,
)
from cm3d.simulation.database.scene_rows import (
    calibrated_row,
    log_row,
    picture_entries,
    scene_row,
    sensor_row,
)
from cm3d.simulation.schedule import ScenePlan, Timeline
from cm3d.simulation.sensors.cameras import take_picture
from cm3d.simulation.sensors.lidar import Sweep, scan
from cm3d.simulation.sensors.rig import (
    CAMERAS,
    EGO_SE3_LIDAR,
    LIDAR_CHANNEL,
    CameraMount,
    image_size,
)
from cm3d.simulation.sensors.snapshot import IndexedWorld
from cm3d.simulation.sensors.visibility import (
    Sight,
    look,
    sample_surfaces,
    union,
    visibility_level,
    visible_share,
)
from cm3d.simulation.world import World, build_world
from cm3d.simulation.written_poses import WrittenPoses

_JPEG_QUALITY: Final = 90
_RECORDED: Final = ("sample", "sample_data", "ego_pose", "sample_annotation")


def simulate_scene(plan: ScenePlan, seed: int, params: Simulation, root: Path) -> None:
    """Write a scene's sensor files, its record and, last, their digests.

    A finished scene is left alone; one that was damaged is made again.

    Args:
        plan: Which scene.
        seed: The source of all randomness.
        params: Scale and sensors.
        root: Folder of the data set.

    Raises:
        InputError: The folder cannot be written.
    """
    if is_finished(root, plan.scene_name):
        return
    duration_s = Timeline(params.keyframes_per_scene).duration_s
    density = params.traffic_density
    try:
        record_path(root, plan.scene_name).parent.mkdir(parents=True, exist_ok=True)
        world = build_world(seed, plan.scene_name, plan.location, duration_s, density)
        files = Recorder(world, plan, seed, params, root).record()
        write_digests(root, plan.scene_name, files)
    except OSError as error:
        raise unwritable(root, error) from error


class Recorder:
    """Writes a scene's sensor files and its record."""

    def __init__(
        self, world: World, plan: ScenePlan, seed: int, params: Simulation, root: Path
    ) -> None:
        """Index what stands still.

        Args:
            world: What there is.
            plan: Which scene it is.
            seed: Source of the sensors' noise.
            params: Scale and sensors.
            root: Folder of the data set.
        """
        self._world, self._plan, self._seed, self._params = world, plan, seed, params
        self._root = root
        self._timeline = Timeline(params.keyframes_per_scene)
        self._indexed = IndexedWorld(world)
        self._samples = sample_surfaces(world.actors)
        self._written = WrittenPoses(seed, plan.scene_name, params)
        self._rows: dict[str, list[Row]] = {table: [] for table in _RECORDED}
        self._pictures: dict[str, list[Row]] = {}
        self._digests: dict[str, str] = {}

    def record(self) -> dict[str, str]:
        """Run the sensors once through the scene; digests of all files come back, by path."""
        for sweep_index in range(self._timeline.sweeps):
            self._run_lidar(sweep_index)
        self._write(FOLDER / f"{self._plan.scene_name}.json", json.dumps(self._pictures).encode())
        place = record_path(self._root, self._plan.scene_name).relative_to(self._root)
        self._write(place, json.dumps(self._finished_rows()).encode())
        return self._digests

    def _run_lidar(self, sweep_index: int) -> None:
        time_us = self._timeline.sweep_us(sweep_index)
        global_SE3_lidar = self._global_SE3_ego(time_us) @ EGO_SE3_LIDAR
        timestamp_us = self._plan.start_us + time_us
        rng = self._rng(LIDAR_CHANNEL, timestamp_us)
        sweep = scan(self._indexed.at(time_us / 1e6), global_SE3_lidar, self._params, rng)
        keyframe = self._timeline.keyframe_served(sweep_index)
        row = sensor_row(
            self._plan.scene_name,
            LIDAR_CHANNEL,
            timestamp_us,
            token("sample", self._plan.scene_name, keyframe),
            self._timeline.is_keyframe(sweep_index),
        )
        self._add_sensor_row(row, time_us)
        self._write(row["filename"], sweep.points.tobytes())
        if row["is_key_frame"]:
            self._run_keyframe(row, time_us, sweep, global_SE3_lidar)

    def _run_keyframe(
        self, lidar_row: Row, time_us: int, sweep: Sweep, global_SE3_lidar: SE3
    ) -> None:
        sample = {
            "token": lidar_row["sample_token"],
            "timestamp": lidar_row["timestamp"],
            "scene_token": token("scene", self._plan.scene_name),
        }
        self._rows["sample"].append(sample)
        sights = [self._run_camera(mount, time_us, sample["token"]) for mount in CAMERAS]
        levels = visibility_level(visible_share(union(sights)))
        keyframe = Keyframe(self._plan.scene_name, sample["token"], time_us / 1e6)
        self._rows["sample_annotation"] += annotation_rows(
            keyframe, self._world.actors, levels, sweep, global_SE3_lidar
        )

    def _run_camera(self, mount: CameraMount, keyframe_us: int, sample_token: str) -> Sight:
        time_us = keyframe_us + mount.time_offset_us()
        snapshot = self._indexed.at(time_us / 1e6)
        global_SE3_camera = self._global_SE3_ego(time_us) @ mount.ego_SE3_camera()
        name, timestamp_us = self._plan.scene_name, self._plan.start_us + time_us
        scale, rng = self._params.image_scale, self._rng(mount.channel, timestamp_us)
        picture = take_picture(snapshot, mount, scale, global_SE3_camera, rng)
        sight = look(snapshot, self._samples, mount, global_SE3_camera)
        size_px = image_size(scale)
        row = sensor_row(name, mount.channel, timestamp_us, sample_token, True, size_px)
        self._add_sensor_row(row, time_us)
        self._pictures[row["token"]] = picture_entries(name, self._world.actors, picture, sight)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        bgr = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2BGR)
        self._write(row["filename"], cv2.imencode(".jpg", bgr, quality)[1].tobytes())
        ids = cv2.imencode(".png", picture.instance_id)[1].tobytes()
        self._write(instance_image_path(row["token"]), ids)
        return sight

    def _add_sensor_row(self, row: Row, time_us: int) -> None:
        self._rows["sample_data"].append(row)
        true_global_SE3_ego = self._global_SE3_ego(time_us)
        pose = pose_fields(self._written.global_SE3_ego(time_us / 1e6, true_global_SE3_ego))
        self._rows["ego_pose"].append(
            {"token": row["ego_pose_token"], "timestamp": row["timestamp"], **pose}
        )

    def _finished_rows(self) -> dict[str, list[Row]]:
        samples, annotations = self._rows["sample"], self._rows["sample_annotation"]
        link(samples, "scene_token")
        link(self._rows["sample_data"], "calibrated_sensor_token")
        link(annotations, "instance_token")
        actors = self._world.actors
        return {
            **self._rows,
            "instance": instance_rows(self._plan.scene_name, actors, annotations),
            "scene": [scene_row(self._plan, samples, len(actors))],
            "log": [log_row(self._plan)],
            "calibrated_sensor": [*self._calibrated_rows()],
        }

    def _calibrated_rows(self) -> Iterator[Row]:
        name, scale = self._plan.scene_name, self._params.image_scale
        intrinsics_px = {mount.channel: mount.intrinsics_px(scale).tolist() for mount in CAMERAS}
        for channel in (LIDAR_CHANNEL, *intrinsics_px):
            ego_SE3_sensor = self._written.ego_SE3_sensor(channel)
            yield calibrated_row(name, channel, ego_SE3_sensor, intrinsics_px.get(channel, []))

    def _global_SE3_ego(self, time_us: int) -> SE3:
        return self._world.ego.global_SE3_ego(time_us / 1e6)

    def _rng(self, channel: str, timestamp_us: int) -> np.random.Generator:
        keys = (zlib.crc32(key.encode()) for key in (self._plan.scene_name, channel))
        return np.random.default_rng([self._seed, *keys, timestamp_us])

    def _write(self, path: str | Path, content: bytes) -> None:
        write_whole(self._root / path, content)
        self._digests[str(path)] = hashlib.sha256(content).hexdigest()
