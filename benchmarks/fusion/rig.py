"""Six cameras around the LiDAR: their geometry, and files that show noise."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch

from cm3d.detectors.inputs import Images
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.tables import Cameras

_CAMERAS: Final = 6
_HALF_VIEW_RAD: Final = np.radians(35)
_WIDTH_PX: Final = 800  # of the embedded data set's images
_HEIGHT_PX: Final = 450


def intrinsics_px(width_px: int, height_px: int) -> NDArrayFloat:
    """A camera matrix (3, 3) with a field of view of 70 degrees."""
    focal_px = width_px / 2 / np.tan(_HALF_VIEW_RAD)
    return np.array([[focal_px, 0, width_px / 2], [0, focal_px, height_px / 2], [0, 0, 1]])


def lidar_SE3_cameras() -> NDArrayFloat:
    """Poses (6, 4, 4) at the LiDAR, 60 degrees apart."""
    poses = np.stack([np.eye(4)] * _CAMERAS)
    ahead = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    for pose, yaw_rad in zip(poses, np.radians(60) * np.arange(_CAMERAS), strict=True):
        cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
        pose[:3, :3] = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ ahead
    return poses


def rig(width_px: int, height_px: int) -> Images:
    """A batch of one frame of noise."""
    shape = (1, _CAMERAS, 3, height_px, width_px)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    intrinsics = np.stack([intrinsics_px(width_px, height_px)] * _CAMERAS)
    return Images(
        pixels=torch.from_numpy(pixels),
        intrinsics_px=torch.from_numpy(intrinsics[None]).float(),
        lidar_SE3_camera=torch.from_numpy(lidar_SE3_cameras()[None]).float(),
        image_augmentation=torch.eye(3).repeat(1, _CAMERAS, 1, 1),
        lidar_augmentation=torch.eye(4)[None],
        seen=torch.ones(1, _CAMERAS, dtype=torch.bool),
    )


def write_images(folder: Path, token: str) -> Cameras:
    """JPEGs of a keyframe whose LiDAR stands at the origin, and their rows."""
    rng = np.random.default_rng(0)
    channels = [f"CAM_{index}" for index in range(_CAMERAS)]
    paths = [f"{token}_{channel}.jpg" for channel in channels]
    for path in paths:
        coarse = rng.integers(0, 256, (_HEIGHT_PX // 9, _WIDTH_PX // 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / path), cv2.resize(coarse, (_WIDTH_PX, _HEIGHT_PX)))
    poses = [SE3(pose[:3, :3], pose[:3, 3]).as_pose() for pose in lidar_SE3_cameras()]
    return Cameras.from_columns(
        camera_token=paths,
        sample_token=[token] * _CAMERAS,
        channel=channels,
        path=paths,
        width_px=[_WIDTH_PX] * _CAMERAS,
        height_px=[_HEIGHT_PX] * _CAMERAS,
        intrinsics_px=[intrinsics_px(_WIDTH_PX, _HEIGHT_PX).ravel()] * _CAMERAS,
        global_SE3_camera=poses,
    )
