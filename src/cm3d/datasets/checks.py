"""What an index must hold before any stage may rely on it, whichever data set gives it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.datasets.protocol import SPLITS, IndexedScene
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayObject
from cm3d.params import checked_name
from cm3d.tables import Boxes3D, Cameras, GroundTruth
from cm3d.tables.words import positions

# Between neighbouring poses; no car is that fast, but noise may look so over a short time.
_MAX_SPEED_MPS: Final = 200.0
_MAX_NOISE_M: Final = 2.0
_MAX_MOUNT_M: Final = 100.0  # no sensor stands farther from its car, which may have driven on
# Of an image's side: a focal length of a view of 169 degrees, and a principal point.
_LEAST_FOCAL_LENGTH: Final = 0.05
_FARTHEST_CENTER: Final = 10.0


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
        checked_name(name, "scene")
        if count > 1:
            raise InputError(f"scene {name!r}: {count} scenes have this name; rename them")


def check_scene(name: str, split: str, scene: IndexedScene) -> None:
    """Check the numbers of one scene.

    Args:
        name: Of the scene.
        split: That the data set has it in.
        scene: Its tables.

    Raises:
        InputError: There is no keyframe, the split is another, times do not ascend, or a pose, an
            intrinsic matrix, the size of an image or a box is none, the car lies on its roof or
            jumps, or a value breaks the rule of its column.
    """
    frames, sweeps, cameras = scene.frames, scene.sweeps, scene.cameras
    if not len(frames):
        raise InputError(f"scene {name}: it has no keyframes; give it some or leave it out")
    if other := set(frames.split.tolist()) - {split}:
        raise InputError(
            f"scene {name}: its keyframes are of split {min(map(repr, other))}, the data set has "
            f"the scene in {split!r}; correct either"
        )
    for location in sorted(set(frames.location) - {""}):
        checked_name(location, f"scene {name}: location")
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
    fault = (
        "intrinsics do not fit its width and height in pixels (a focal length below a twentieth "
        "of the width, or a principal point ten widths away); give them in pixels of that size"
    )
    _refuse(name, cameras.sample_token, channel, _fit_their_images(cameras), fault)
    for boxes in (scene.ground_truth, scene.bicycle_racks):
        fault = "centre, sides > 0 and yaw are no finite numbers; correct it"
        labels = np.array([f"box of class {n}" for n in boxes.class_name], dtype=object)
        _refuse(name, boxes.sample_token, labels, _are_boxes(boxes), fault)
    _check_columns(name, scene)
    fault = "pose has its z axis down; poses are global_SE3_ego with z up, correct it"
    _refuse(name, tokens, ego, _are_upright(frames.global_SE3_ego), fault)
    _check_motion(name, scene)


def check_tokens(name: str, scene: IndexedScene, owners: dict[tuple[str, str], str]) -> None:
    """Check that no earlier scene has a keyframe or an image of the same token.

    Args:
        name: Of the scene.
        scene: Its tables.
        owners: Scenes by kind and token of what they have; those of this scene are added.

    Raises:
        InputError: One has.
    """
    tokens = {"keyframe": scene.frames.sample_token, "image": scene.cameras.camera_token}
    for kind, of_kind in tokens.items():
        own = {(kind, token) for token in of_kind}
        if shared := own & owners.keys():
            first = min(shared)
            raise InputError(
                f"scene {name}: its {kind} {first[1]!r} is one of scene {owners[first]} too; give "
                "each a token of its own"
            )
        owners |= dict.fromkeys(own, name)


def _check_columns(name: str, scene: IndexedScene) -> None:
    """Check every column by its rule, and that all tables are of the scene's keyframes."""
    file, known = Path(f"{name}.parquet"), scene.frames.sample_token
    for part in fields(scene):
        table: Any = getattr(scene, part.name)
        if fault := table.fault() or table.fault_in(file):
            raise InputError(
                f"scene {name}, keyframe {table.sample_token[fault.row]}, {part.name}: "
                f"{fault.column}: {fault.reason}; correct it"
            )
        is_known = positions(table.sample_token, known) >= 0
        if not is_known.all():
            token = table.sample_token[np.argmin(is_known)]
            raise InputError(
                f"scene {name}, {part.name}: {token!r} is no keyframe of the scene; correct it"
            )


def _check_motion(name: str, scene: IndexedScene) -> None:
    """Check that car and LiDAR do not jump, and that sensors are where the car is."""
    frames, sweeps, cameras = scene.frames, scene.sweeps, scene.cameras
    row = positions(sweeps.sample_token, frames.sample_token)
    own = np.flatnonzero(sweeps.sweep_index == 0)
    if sorted(row[own]) != list(range(len(frames))):
        token = frames.sample_token[np.setdiff1d(np.arange(len(frames)), row[own])[0]]
        raise InputError(
            f"scene {name}, keyframe {token}: it has no LiDAR file of its own (sweep_index 0); "
            "give it one or leave it out"
        )
    _refuse_lags(name, scene)
    ego_m = frames.global_SE3_ego[:, 4:]
    now_m = np.empty_like(ego_m)
    now_m[row[own]] = sweeps.global_SE3_lidar[own, 4:]
    fault = "pose is {:.0f} m from that of the keyframe before, {:g} s earlier; correct it"
    gap_s = np.diff(frames.timestamp_us) * 1e-6
    step_m = np.linalg.norm(np.diff(ego_m, axis=0), axis=1)
    _refuse_jump(name, frames.sample_token[1:], "ego vehicle", step_m, gap_s, fault)
    fault = "pose is {:.0f} m from that of the keyframe's sweep, {:g} s later; correct it"
    step_m = np.linalg.norm(sweeps.global_SE3_lidar[:, 4:] - now_m[row], axis=1)
    _refuse_jump(name, sweeps.sample_token, "LiDAR", step_m, sweeps.time_lag_s, fault)
    fault = "pose is {:.0f} m from the ego vehicle; correct it"
    row = positions(cameras.sample_token, frames.sample_token)
    for of, table, step_m in (
        ("LiDAR", frames, np.linalg.norm(now_m - ego_m, axis=1)),
        ("camera", cameras, np.linalg.norm(cameras.global_SE3_camera[:, 4:] - ego_m[row], axis=1)),
    ):
        allowed_s = np.full(len(step_m), _MAX_MOUNT_M / _MAX_SPEED_MPS)
        _refuse_jump(name, table.sample_token, of, step_m, allowed_s, fault)


def _refuse_lags(name: str, scene: IndexedScene) -> None:
    """Check that a keyframe's own sweep is of its time, and each further one older."""
    lag_s = scene.sweeps.time_lag_s
    is_sound = np.where(scene.sweeps.sweep_index == 0, lag_s == 0, lag_s > 0)
    age = np.array([f"sweep {index}" for index in scene.sweeps.sweep_index], dtype=object)
    fault = "time_lag_s is not 0 for sweep 0 and above 0 for those before it; correct it"
    _refuse(name, scene.sweeps.sample_token, age, np.asarray(is_sound), fault)


def _refuse_jump(
    scene: str,
    sample_token: NDArrayObject,
    of: str,
    step_m: NDArrayFloat,
    time_s: NDArrayFloat,
    fault: str,
) -> None:
    is_sound = step_m <= _MAX_SPEED_MPS * time_s + _MAX_NOISE_M
    if not is_sound.all():
        row = int(np.argmin(is_sound))
        reason = fault.format(step_m[row], time_s[row])
        raise InputError(f"scene {scene}, keyframe {sample_token[row]}, {of}: its {reason}")


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


def _are_upright(poses: NDArrayFloat) -> NDArrayBool:
    """(N,) of (N, 7): whether the z axis of the body looks up."""
    return np.asarray(poses[:, 1] ** 2 + poses[:, 2] ** 2 < poses[:, 0] ** 2 + poses[:, 3] ** 2)


def _are_pinholes(cameras: Cameras) -> NDArrayBool:
    matrix = cameras.intrinsics_px
    has_form = np.isfinite(matrix).all(axis=1) & (matrix[:, [3, 6, 7, 8]] == [0, 0, 0, 1]).all(1)
    return np.asarray(has_form & (matrix[:, [0, 4]] > 0).all(axis=1))


def _fit_their_images(cameras: Cameras) -> NDArrayBool:
    """(N,): no undistorted image has a wider view, however it was cropped."""
    size_px = np.column_stack([cameras.width_px, cameras.height_px])
    focal_px, center_px = cameras.intrinsics_px[:, [0, 4]], cameras.intrinsics_px[:, [2, 5]]
    is_narrow = focal_px >= _LEAST_FOCAL_LENGTH * size_px
    is_near = np.abs(center_px) <= _FARTHEST_CENTER * size_px
    return np.asarray((is_narrow & is_near).all(axis=1))


def _are_boxes(boxes: GroundTruth | Boxes3D) -> NDArrayBool:
    numbers = np.column_stack([boxes.center_m, boxes.cuboids.size_m, boxes.yaw_rad])
    return np.asarray(np.isfinite(numbers).all(axis=1) & (numbers[:, 3:6] > 0).all(axis=1))
