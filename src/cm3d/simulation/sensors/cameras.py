"""Camera images by ray casting: one ray through the middle of each pixel."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat32
from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.daylight import CLEAR_DAY, Daylight
from cm3d.simulation.sensors.rig import CameraMount
from cm3d.simulation.sensors.shading import develop, radiance
from cm3d.simulation.sensors.snapshot import Snapshot

NDArrayInstance: TypeAlias = np.ndarray[Any, np.dtype[np.uint16]]

# Standard deviation of the sensor's noise, in grey levels.
_NOISE_LEVELS: Final = 2.0


@dataclass(frozen=True, eq=False)
class Picture:
    """One image and what is on it.

    Args:
        rgb: (height, width, 3).
        instance_id: (height, width) object at each pixel, 0 for the background.
    """

    rgb: NDArrayByte
    instance_id: NDArrayInstance


def take_picture(
    snapshot: Snapshot,
    mount: CameraMount,
    image_scale: float,
    global_SE3_camera: SE3,
    rng: np.random.Generator,
    daylight: Daylight = CLEAR_DAY,
) -> Picture:
    """Render one image.

    Args:
        snapshot: The world at the image's time.
        mount: Which camera.
        image_scale: Share of the full size.
        global_SE3_camera: The camera's pose at that time.
        rng: Source of the sensor's noise.
        daylight: Weather and time of day.
    """
    rays = pixel_rays(mount, image_scale)
    directions = rays @ global_SE3_camera.rotation.T.astype(np.float32)
    hits = snapshot.cast(global_SE3_camera.translation_m, directions)
    origin_m = (global_SE3_camera.translation_m - snapshot.anchor_m).astype(np.float32)
    pixel_rad = 1 / mount.intrinsics_px(image_scale)[0, 0]
    levels = develop(radiance(snapshot, hits, origin_m, directions, pixel_rad, daylight))
    noise = rng.standard_normal((len(levels), 1), dtype=np.float32)
    levels += noise * np.float32(_NOISE_LEVELS)
    instance_id = np.where(hits.face >= 0, snapshot.surfaces.instance_id[hits.face], 0)
    width_px, height_px = mount.scaled_px(image_scale)
    return Picture(
        np.clip(np.rint(levels), 0, 255).astype(np.uint8).reshape(height_px, width_px, 3),
        instance_id.astype(np.uint16).reshape(height_px, width_px),
    )


@cache
def pixel_rays(mount: CameraMount, image_scale: float) -> NDArrayFloat32:
    """Unit vectors (height * width, 3) through the pixels' middles, camera frame, row by row."""
    width_px, height_px = mount.scaled_px(image_scale)
    u, v = np.meshgrid(np.arange(width_px) + 0.5, np.arange(height_px) + 0.5)
    pixels = np.stack([u.ravel(), v.ravel(), np.ones(u.size)], axis=1)
    rays = pixels @ np.linalg.inv(mount.intrinsics_px(image_scale)).T
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True), dtype=np.float32)
