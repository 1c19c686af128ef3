"""Where the sensors of a sequence were, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cm3d.datasets.pandaset.drives import Drive
from cm3d.datasets.pandaset.frames import AGAIN
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.se3 import SE3, are_unit
from cm3d.params import faults_of, read_json
from cm3d.sensors.images import image_size_px
from cm3d.tables.rules import LAST_TIME_US

# PandaSet gives the pose of a frame with x to the right, y forward, z up. What is not published was
# measured: the ground lies below its origin, and the Pandar64 stands above it (docs/pandaset.md).
POSE_SE3_EGO: Final = SE3.from_yaw(np.pi / 2, np.array([0.0, 0.0, -0.40]))
POSE_SE3_LIDAR: Final = SE3(np.eye(3), np.array([0.0, 0.66, 1.85]))

_MAX_SKEW_S: Final = 1.0  # between a sweep and its images


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Vector(_Record):
    x: float
    y: float
    z: float


class _Quaternion(_Vector):
    w: float


class _Pose(_Record):
    position: _Vector
    heading: _Quaternion


class _Intrinsics(_Record):
    fx: float
    fy: float
    cx: float
    cy: float


_POSES: Final = TypeAdapter(list[_Pose])
_TIMES: Final = TypeAdapter(list[float], config=_Record.model_config)
_INTRINSICS: Final = TypeAdapter(_Intrinsics)


@dataclass(frozen=True, eq=False)
class Camera:
    """One camera of a sequence.

    Args:
        folder: Of its images.
        width_px: Of its images.
        height_px: Of its images.
        intrinsics_px: (3, 3).
        world_SE3_camera: Pose at the time of each image; z forward, x right, y down.
    """

    folder: Path
    width_px: int
    height_px: int
    intrinsics_px: NDArrayFloat
    world_SE3_camera: Sequence[SE3]


def sweep_poses(drive: Drive) -> list[SE3]:
    """Poses at the sweeps, `world_SE3_pose`, in the world of the sequence.

    Raises:
        InputError: They are missing or malformed, or more or fewer than sweeps.
    """
    return _read_poses(drive.lidar / "poses.json", drive.count)


def sweep_times_us(drive: Drive) -> NDArrayInt:
    """Times of the sweeps, (N,).

    Raises:
        InputError: As of the poses.
    """
    return _read_times_us(drive.lidar / "timestamps.json", drive.count)


def read_cameras(drive: Drive, times_us: NDArrayInt) -> list[Camera]:
    """The cameras.

    Args:
        drive: The sequence.
        times_us: Of its sweeps.

    Raises:
        InputError: A file is missing or malformed, or images are of another time.
    """
    return [_read_camera(folder, times_us) for folder in drive.cameras]


def _read_camera(folder: Path, times_us: NDArrayInt) -> Camera:
    path = folder / "timestamps.json"
    skew_s = np.abs(_read_times_us(path, len(times_us)) - times_us) * 1e-6
    if (skew_s > _MAX_SKEW_S).any():
        number = int(np.argmax(skew_s > _MAX_SKEW_S))
        raise InputError(
            f"{path}: time {number} is {skew_s[number]:g} s from that of its sweep; {AGAIN}"
        )
    inner = _read(folder / "intrinsics.json", _INTRINSICS)
    width_px, height_px = image_size_px(folder / image_name(0))
    return Camera(
        folder=folder,
        width_px=width_px,
        height_px=height_px,
        intrinsics_px=np.array([[inner.fx, 0, inner.cx], [0, inner.fy, inner.cy], [0, 0, 1]]),
        world_SE3_camera=_read_poses(folder / "poses.json", len(times_us)),
    )


def image_name(number: int) -> str:
    """Of an image in its camera's folder."""
    return f"{number:02d}.jpg"


def _read_poses(path: Path, count: int) -> list[SE3]:
    poses = _read(path, _POSES)
    _refuse_other_number(path, len(poses), count, "poses")
    values = np.array(
        [[p.heading.w, *_xyz(p.heading), *_xyz(p.position)] for p in poses], dtype=np.float64
    )
    is_unit = are_unit(values[:, :4])
    if not is_unit.all():
        number = int(np.argmin(is_unit))
        raise InputError(f"{path}: {number}.heading: no unit quaternion w, x, y, z; {AGAIN}")
    return [SE3.from_pose(pose) for pose in values]


def _xyz(vector: _Vector) -> tuple[float, float, float]:
    return vector.x, vector.y, vector.z


def _read_times_us(path: Path, count: int) -> NDArrayInt:
    times_s = np.array(_read(path, _TIMES), dtype=np.float64)
    _refuse_other_number(path, len(times_s), count, "times")
    is_sound = (times_s >= 0) & (times_s <= LAST_TIME_US * 1e-6)
    if not is_sound.all():
        number = int(np.argmin(is_sound))
        raise InputError(f"{path}: {number}: {times_s[number]:g} is no second since 1970; {AGAIN}")
    return np.asarray(np.rint(times_s * 1e6), dtype=np.int64)


def _refuse_other_number(path: Path, found: int, count: int, what: str) -> None:
    if found != count:
        raise InputError(f"{path}: {found} {what} for {count} sweeps; {AGAIN}")


def _read(path: Path, kind: TypeAdapter[Any]) -> Any:
    try:
        return kind.validate_python(read_json(path, AGAIN))
    except ValidationError as error:
        raise InputError(f"{path}: {faults_of(error)}; {AGAIN}") from error
