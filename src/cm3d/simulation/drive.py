"""A drive through one world with cameras running, of which data sets of any format are made."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation
from cm3d.simulation.database.records import Row
from cm3d.simulation.database.scene_rows import picture_entries
from cm3d.simulation.schedule import ScenePlan, Timeline
from cm3d.simulation.sensors.cameras import take_picture
from cm3d.simulation.sensors.rig import CameraMount
from cm3d.simulation.sensors.snapshot import IndexedWorld, Snapshot
from cm3d.simulation.sensors.visibility import Sight, look, sample_surfaces
from cm3d.simulation.world import World, build_world
from cm3d.simulation.written_poses import WrittenPoses

_JPEG_QUALITY: Final = 90


@dataclass(frozen=True, eq=False)
class Photograph:
    """One image.

    Args:
        time_us: When it was taken, from the first keyframe.
        size_px: Its width and height.
        jpeg: The file.
        instances_png: The same of what object each pixel shows.
        entries: What is on it.
        sight: What the camera sees of each object.
    """

    time_us: int
    size_px: tuple[int, int]
    jpeg: bytes
    instances_png: bytes
    entries: list[Row]
    sight: Sight


class Drive:
    """A scene's world, which sensors look at, and where its files say that they were."""

    def __init__(
        self,
        world: World,
        plan: ScenePlan,
        seed: int,
        params: Simulation,
        cameras: Sequence[CameraMount],
    ) -> None:
        """Index what stands still.

        Args:
            world: What there is.
            plan: Which scene it is.
            seed: Source of the sensors' noise.
            params: Scale and sensors.
            cameras: Of the rig.
        """
        self.world, self.plan, self.params = world, plan, params
        self.written = WrittenPoses(seed, plan.scene_name, params, cameras)
        self._seed = seed
        self._indexed = IndexedWorld(world)
        self._samples = sample_surfaces(world.actors)

    @classmethod
    def of(
        cls, plan: ScenePlan, seed: int, params: Simulation, cameras: Sequence[CameraMount]
    ) -> "Drive":
        """Build the world of a scene, which no rig changes, and index it; arguments as above."""
        duration_s = Timeline(params.keyframes_per_scene).duration_s
        density = params.traffic_density
        world = build_world(seed, plan.scene_name, plan.location, duration_s, density)
        return cls(world, plan, seed, params, cameras)

    def at(self, time_us: int) -> Snapshot:
        """The world at a time from the first keyframe."""
        return self._indexed.at(time_us / 1e6)

    def global_SE3_ego(self, time_us: int) -> SE3:
        """Where the car is."""
        return self.world.ego.global_SE3_ego(time_us / 1e6)

    def written_global_SE3_ego(self, time_us: int) -> SE3:
        """Where files say that it is."""
        return self.written.global_SE3_ego(time_us / 1e6, self.global_SE3_ego(time_us))

    def rng(self, channel: str, time_us: int) -> np.random.Generator:
        """Source of the noise of what a sensor measures at a time."""
        keys = (zlib.crc32(key.encode()) for key in (self.plan.scene_name, channel))
        return np.random.default_rng([self._seed, *keys, self.plan.start_us + time_us])

    def photograph(self, mount: CameraMount, keyframe_us: int) -> Photograph:
        """Take an image as the beam of a keyframe's sweep passes the camera."""
        time_us = keyframe_us + mount.time_offset_us()
        snapshot, scale = self.at(time_us), self.params.image_scale
        pose = self.global_SE3_ego(time_us) @ mount.ego_SE3_camera()
        picture = take_picture(snapshot, mount, scale, pose, self.rng(mount.channel, time_us))
        sight = look(snapshot, self._samples, mount, pose)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        bgr = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2BGR)
        return Photograph(
            time_us,
            mount.scaled_px(scale),
            cv2.imencode(".jpg", bgr, quality)[1].tobytes(),
            cv2.imencode(".png", picture.instance_id)[1].tobytes(),
            picture_entries(self.plan.scene_name, self.world.actors, picture, sight),
            sight,
        )
