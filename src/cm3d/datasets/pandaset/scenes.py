"""One sequence as tables: a sweep every tenth of a second, keyframes among them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from cm3d.datasets.keyframes import Box, Image, Keyframe, index_keyframes
from cm3d.datasets.pandaset.conversion import Places
from cm3d.datasets.pandaset.cuboids import boxes_of, read_cuboids
from cm3d.datasets.pandaset.drives import Drive
from cm3d.datasets.pandaset.rig import (
    POSE_SE3_EGO,
    POSE_SE3_LIDAR,
    Camera,
    image_name,
    read_cameras,
    sweep_poses,
    sweep_times_us,
)
from cm3d.datasets.protocol import IndexedScene
from cm3d.taxonomy import Taxonomy


def index_drive(
    drive: Drive, split: str, step: int, past_sweeps: int, places: Places, taxonomy: Taxonomy
) -> tuple[IndexedScene, Counter[str]]:
    """Index one sequence.

    Args:
        drive: The sequence.
        split: `train` or `val`.
        step: Sweeps from one keyframe to the next.
        past_sweeps: Sweeps listed per keyframe besides itself, a tenth of a second apart.
        places: Where its converted sweeps are.
        taxonomy: Classes of the ground truth.

    Returns:
        Its tables, and how many boxes have each of the labels that are of no class.

    Raises:
        InputError: A file is missing or malformed.
    """
    poses, times_us = sweep_poses(drive), sweep_times_us(drive)
    cameras = read_cameras(drive, times_us)
    cuboids = read_cuboids(drive) if drive.has_boxes() else None
    left_out, moments = Counter[str](), []
    for number, (pose, time_us) in enumerate(zip(poses, times_us.tolist(), strict=True)):
        boxes: list[Box] = []
        is_keyframe = number % step == 0
        if cuboids is not None and is_keyframe:
            boxes, strange = boxes_of(cuboids, number, times_us.tolist(), taxonomy)
            left_out += strange
        moments.append(
            Keyframe(
                token=f"{drive.name}-{number:02d}",
                timestamp_us=time_us,
                global_SE3_ego=pose @ POSE_SE3_EGO,
                lidar_path=places.sweep(drive.name, number),
                global_SE3_lidar=pose @ POSE_SE3_LIDAR,
                images=[_image(camera, number, places.root) for camera in cameras if is_keyframe],
                boxes=boxes,
            )
        )
    scene = index_keyframes(drive.name, split, moments, past_sweeps)
    # tables of every sweep, of which those stay that begin a step
    tokens = [moment.token for moment in moments[::step]]
    frames, sweeps = scene.frames, scene.sweeps
    return replace(
        scene,
        frames=frames[np.isin(frames.sample_token.astype(str), tokens)],
        sweeps=sweeps[np.isin(sweeps.sample_token.astype(str), tokens)],
    ), left_out


def _image(camera: Camera, number: int, root: Path) -> Image:
    return Image(
        channel=camera.folder.name,
        path=str((camera.folder / image_name(number)).relative_to(root)),
        width_px=camera.width_px,
        height_px=camera.height_px,
        intrinsics_px=camera.intrinsics_px,
        global_SE3_camera=camera.world_SE3_camera[number],
    )
