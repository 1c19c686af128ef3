"""What an index must hold before any stage may rely on it, whichever data set gives it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from cm3d.datasets.protocol import SPLITS, IndexedScene
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayObject
from cm3d.tables import Boxes3D, Cameras, GroundTruth

_LONGEST_NAME: Final = 200  # characters; file systems take 255 bytes, and suffixes are added


def check_splits(scenes: Mapping[str, Sequence[str]]) -> None:
    """Check the names of scenes by split.

    Raises:
        InputError: There is none, a split is unknown, a name is no file's or stands twice.
    """
    for split, names in scenes.items():
        if split not in SPLITS and names:
            raise InputError(
                f"scene {names[0]!r}: its split is {split!r}; make it {' or '.join(SPLITS)}"
            )
    of_all = [name for names in scenes.values() for name in names]
    if not of_all:
        raise InputError("the data set has no scene; give it one of split train or val")
    for name, count in Counter(of_all).items():
        if not _names_a_file(name):
            raise InputError(f"scene {name!r}: its name is no file's; rename it")
        if count > 1:
            raise InputError(f"scene {name!r}: {count} scenes have this name; rename them")


def _names_a_file(name: str) -> bool:
    is_plain = name.isprintable() and not set(name) & set("/\\")
    return is_plain and 0 < len(name) <= _LONGEST_NAME and name[0] not in ". "


def check_scene(name: str, scene: IndexedScene) -> None:
    """Check the numbers of one scene.

    Raises:
        InputError: There is no keyframe, times do not ascend, or a pose, an intrinsic matrix, the
            size of an image or a box is none.
    """
    frames, sweeps, cameras = scene.frames, scene.sweeps, scene.cameras
    if not len(frames):
        raise InputError(f"scene {name}: it has no keyframes; give it some or leave it out")
    ascends = np.r_[True, np.diff(frames.timestamp_us) > 0]
    pose = "pose is no finite qw, qx, qy, qz, x, y, z with a rotation; correct it"
    clock, ego = (np.full(len(frames), of, dtype=object) for of in ("LiDAR", "ego vehicle"))
    lidar = np.full(len(sweeps), "LiDAR", dtype=object)
    channel = np.array([f"camera {channel}" for channel in cameras.channel], dtype=object)
    tokens = frames.sample_token
    fault = "timestamp is not after that of the keyframe before; sort them, drop doubles"
    _refuse(name, tokens, clock, ascends, fault)
    _refuse(name, tokens, ego, _are_poses(frames.global_SE3_ego), pose)
    _refuse(name, sweeps.sample_token, lidar, _are_poses(sweeps.global_SE3_lidar), pose)
    _refuse(name, cameras.sample_token, channel, _are_poses(cameras.global_SE3_camera), pose)
    fault = "intrinsics are no 3x3 matrix [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0"
    _refuse(name, cameras.sample_token, channel, _are_pinholes(cameras), f"{fault}; correct them")
    has_size = (cameras.width_px > 0) & (cameras.height_px > 0)
    _refuse(name, cameras.sample_token, channel, has_size, "image has no width and height; give it")
    for boxes in (scene.ground_truth, scene.bicycle_racks):
        fault = "centre, sides > 0 and yaw are no finite numbers; correct it"
        labels = np.array([f"box of class {n}" for n in boxes.class_name], dtype=object)
        _refuse(name, boxes.sample_token, labels, _are_boxes(boxes), fault)


def _refuse(
    scene: str, sample_token: NDArrayObject, of: NDArrayObject, is_sound: NDArrayBool, fault: str
) -> None:
    """Name the first row that is not sound, if there is one; all arrays are (N,)."""
    if not is_sound.all():
        row = int(np.argmin(is_sound))
        raise InputError(f"scene {scene}, keyframe {sample_token[row]}, {of[row]}: its {fault}")


def _are_poses(poses: NDArrayFloat) -> NDArrayBool:
    """(N,) of (N, 7)."""
    return np.asarray(np.isfinite(poses).all(axis=1) & (poses[:, :4] != 0).any(axis=1))


def _are_pinholes(cameras: Cameras) -> NDArrayBool:
    matrix = cameras.intrinsics_px
    has_form = np.isfinite(matrix).all(axis=1) & (matrix[:, [3, 6, 7, 8]] == [0, 0, 0, 1]).all(1)
    return np.asarray(has_form & (matrix[:, [0, 4]] > 0).all(axis=1))


def _are_boxes(boxes: GroundTruth | Boxes3D) -> NDArrayBool:
    numbers = np.column_stack([boxes.center_m, boxes.cuboids.size_m, boxes.yaw_rad])
    return np.asarray(np.isfinite(numbers).all(axis=1) & (numbers[:, 3:6] > 0).all(axis=1))
