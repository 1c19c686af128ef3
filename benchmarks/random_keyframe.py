"""A keyframe of random points and elliptic masks, where the real one is not at hand."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.scene_tables import SceneTables
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.tables import Cameras, Frames, Lanes, Masks, Sweeps
from cm3d.taxonomy import Taxonomy

_WIDTH_PX: Final = 1024
_HEIGHT_PX: Final = 576
_LANES: Final = 200
_CHANNELS: Final = tuple(f"CAM_{index}" for index in range(6))
_STANDING: Final = np.array([1.0, 0, 0, 0, 0, 0, 0])


def random_keyframe(
    folder: Path, taxonomy: Taxonomy, points: int = 35_000, masks: int = 128
) -> SceneTables:
    """Points on level ground and above it, six cameras that look outward, ellipses as masks."""
    generator = np.random.default_rng(0)
    sweep = np.zeros((points, 5), dtype=np.float32)
    sweep[:, :2] = generator.normal(0, 15, (points, 2))
    sweep[:, 2] = np.maximum(generator.normal(-1.5, 1, points), -1.7)
    sweep.tofile(folder / "random.bin")
    cameras = _cameras_around()
    return SceneTables(
        folder,
        _standing_frame(),
        Sweeps.from_columns(
            sample_token=["frame"],
            sweep_index=[0],
            path=["random.bin"],
            time_lag_s=[0.0],
            global_SE3_lidar=[_STANDING],
        ),
        cameras,
        _elliptic_masks(generator, cameras, masks, taxonomy),
        _straight_lanes(generator),
    )


def _standing_frame() -> Frames:
    return Frames.from_columns(
        sample_token=["frame"],
        scene_name=["random"],
        timestamp_us=[0],
        split=["val"],
        location=["nowhere"],
        global_SE3_ego=[_STANDING],
    )


def _cameras_around() -> Cameras:
    yaws_rad = np.linspace(0, 2 * np.pi, len(_CHANNELS), endpoint=False)
    forward = SE3.from_pose(np.array([0.5, -0.5, 0.5, -0.5, 0, 0, 0]))
    poses = [(SE3.from_yaw(yaw, np.zeros(3)) @ forward).as_pose() for yaw in yaws_rad]
    rows = len(poses)
    return Cameras.from_columns(
        camera_token=_CHANNELS,
        sample_token=["frame"] * rows,
        channel=_CHANNELS,
        path=[f"{channel}.jpg" for channel in _CHANNELS],
        width_px=[1600] * rows,
        height_px=[900] * rows,
        intrinsics_px=[[1260, 0, 800, 0, 1260, 450, 0, 0, 1]] * rows,
        global_SE3_camera=poses,
    )


def _straight_lanes(generator: np.random.Generator, points: int = 200) -> Lanes:
    yaw_rad = np.repeat(generator.uniform(-np.pi, np.pi, _LANES), points)
    start_m: NDArrayFloat = np.repeat(generator.uniform(-200, 200, (_LANES, 2)), points, axis=0)
    along_m = 0.5 * np.tile(np.arange(points), _LANES)
    direction = np.column_stack([np.cos(yaw_rad), np.sin(yaw_rad)])
    return Lanes.from_columns(
        lane_token=[f"{lane:03d}" for lane in range(_LANES) for _ in range(points)],
        point_index=np.tile(np.arange(points), _LANES),
        kind=["lane"] * len(yaw_rad),
        position_m=start_m + along_m[:, None] * direction,
        yaw_rad=yaw_rad,
    )


def _elliptic_masks(
    generator: np.random.Generator, cameras: Cameras, count: int, taxonomy: Taxonomy
) -> Masks:
    return Masks.from_columns(
        camera_token=cameras.camera_token[np.arange(count) % len(cameras)],
        sample_token=["frame"] * count,
        detection_id=range(count),
        class_name=generator.choice(taxonomy.name_array, count),
        score=generator.random(count),
        height_px=[_HEIGHT_PX] * count,
        width_px=[_WIDTH_PX] * count,
        rle=[_ellipse(generator) for _ in range(count)],
    )


def _ellipse(generator: np.random.Generator) -> bytes:
    image = np.zeros((_HEIGHT_PX, _WIDTH_PX), dtype=np.uint8)
    center_px: list[int] = generator.integers([0, 200], [_WIDTH_PX, 400]).tolist()
    axes_px: list[int] = generator.integers([10, 10], [80, 60]).tolist()
    cv2.ellipse(image, center_px, axes_px, 0, 0, 360, (1,), cv2.FILLED)
    return bytes(coco_mask.encode(np.asfortranarray(image))["counts"])
