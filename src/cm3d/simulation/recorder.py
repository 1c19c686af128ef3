"""A drive through one world in nuScenes' format: its files, and its rows of the database."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

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
from cm3d.simulation.database.scene_rows import calibrated_row, log_row, scene_row, sensor_row
from cm3d.simulation.drive import Drive
from cm3d.simulation.schedule import ScenePlan, Timeline
from cm3d.simulation.sensors.lidar import Sweep, scan
from cm3d.simulation.sensors.rig import CAMERAS, EGO_SE3_LIDAR, LIDAR_CHANNEL, CameraMount
from cm3d.simulation.sensors.visibility import Sight, union, visibility_level, visible_share

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
    try:
        record_path(root, plan.scene_name).parent.mkdir(parents=True, exist_ok=True)
        files = Recorder(Drive.of(plan, seed, params, CAMERAS), root).record()
        write_digests(root, plan.scene_name, files)
    except OSError as error:
        raise unwritable(root, error) from error


class Recorder:
    """Writes a scene's sensor files and its record."""

    def __init__(self, drive: Drive, root: Path) -> None:
        """Nothing is written yet.

        Args:
            drive: With nuScenes' cameras.
            root: Folder of the data set.
        """
        self._drive, self._plan, self._root = drive, drive.plan, root
        self._timeline = Timeline(drive.params.keyframes_per_scene)
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
        global_SE3_lidar = self._drive.global_SE3_ego(time_us) @ EGO_SE3_LIDAR
        timestamp_us = self._plan.start_us + time_us
        rng = self._drive.rng(LIDAR_CHANNEL, time_us)
        sweep = scan(self._drive.at(time_us), global_SE3_lidar, self._drive.params, rng)
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
            keyframe, self._drive.world.actors, levels, sweep, global_SE3_lidar
        )

    def _run_camera(self, mount: CameraMount, keyframe_us: int, sample_token: str) -> Sight:
        photograph = self._drive.photograph(mount, keyframe_us)
        row = sensor_row(
            self._plan.scene_name,
            mount.channel,
            self._plan.start_us + photograph.time_us,
            sample_token,
            True,
            photograph.size_px,
        )
        self._add_sensor_row(row, photograph.time_us)
        self._pictures[row["token"]] = photograph.entries
        self._write(row["filename"], photograph.jpeg)
        self._write(instance_image_path(row["token"]), photograph.instances_png)
        return photograph.sight

    def _add_sensor_row(self, row: Row, time_us: int) -> None:
        self._rows["sample_data"].append(row)
        pose = pose_fields(self._drive.written_global_SE3_ego(time_us))
        self._rows["ego_pose"].append(
            {"token": row["ego_pose_token"], "timestamp": row["timestamp"], **pose}
        )

    def _finished_rows(self) -> dict[str, list[Row]]:
        samples, annotations = self._rows["sample"], self._rows["sample_annotation"]
        link(samples, "scene_token")
        link(self._rows["sample_data"], "calibrated_sensor_token")
        link(annotations, "instance_token")
        actors = self._drive.world.actors
        return {
            **self._rows,
            "instance": instance_rows(self._plan.scene_name, actors, annotations),
            "scene": [scene_row(self._plan, samples, len(actors))],
            "log": [log_row(self._plan)],
            "calibrated_sensor": [*self._calibrated_rows()],
        }

    def _calibrated_rows(self) -> Iterator[Row]:
        name, scale = self._plan.scene_name, self._drive.params.image_scale
        intrinsics_px = {mount.channel: mount.intrinsics_px(scale).tolist() for mount in CAMERAS}
        for channel in (LIDAR_CHANNEL, *intrinsics_px):
            ego_SE3_sensor = self._drive.written.ego_SE3_sensor(channel)
            yield calibrated_row(name, channel, ego_SE3_sensor, intrinsics_px.get(channel, []))

    def _write(self, path: str | Path, content: bytes) -> None:
        write_whole(self._root / path, content)
        self._digests[str(path)] = hashlib.sha256(content).hexdigest()
