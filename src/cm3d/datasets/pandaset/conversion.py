"""Sweeps as all stages after `download` read them: a file of points in the sensor's frame.

Unpacking a table and turning its points takes a hundred times as long as reading such a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cm3d.datasets.conversion import Conversion
from cm3d.datasets.pandaset.drives import Drive, table_name
from cm3d.datasets.pandaset.frames import AGAIN, read_frame
from cm3d.datasets.pandaset.rig import POSE_SE3_LIDAR, sweep_poses
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.geometry.se3 import SE3

COLUMNS: Final = ("x", "y", "z", "intensity")
FULL_INTENSITY: Final = 255.0

_FORMAT: Final = 1  # of what is written; another number has all sequences converted again
_PANDAR64, _PANDAR_GT = 0, 1


@dataclass(frozen=True)
class Places:
    """Where converted sweeps are.

    Args:
        root: Folder of the data set.
    """

    root: Path

    def sweep(self, drive: str, number: int) -> str:
        """File of a sweep, relative to the root."""
        return f"cm3d/sweeps/{drive}/{number:02d}.bin"

    def mark(self, drive: str) -> Path:
        """What says that a sequence is finished, and from what it was made."""
        return self.root / f"cm3d/converted/{drive}.json"


def convert(name: str, drives: Mapping[str, Drive], places: Places) -> None:
    """Write the sweeps of a sequence, unless they are there.

    Args:
        name: Of the sequence.
        drives: All of them.
        places: Where sweeps go.

    Raises:
        InputError: A file of the sequence is malformed, or the folder cannot be written.
    """
    drive = drives[name]
    sources = {"format": _FORMAT, "of": drive.identity_of_sweeps()}
    conversion = Conversion(places.root, places.mark(name), sources)
    if conversion.finished() is not None:
        return
    conversion.begin()
    for number, world_SE3_pose in enumerate(sweep_poses(drive)):
        path = drive.lidar / table_name(number)
        points = points_of_sensor(path, world_SE3_pose @ POSE_SE3_LIDAR)
        conversion.write(places.sweep(name, number), points.tobytes())
    conversion.finish([(places.root / places.sweep(name, 0)).parent])


def points_of_sensor(path: Path, world_SE3_lidar: SE3) -> NDArrayFloat32:
    """The Pandar64's points of a sweep: (N, 4) x, y, z in its frame, intensity in 0 to 255.

    Args:
        path: Table of the points of both LiDARs, in the world's frame.
        world_SE3_lidar: Pose of the Pandar64.

    Raises:
        InputError: The file is malformed, or has no point of the Pandar64.
    """
    frame = read_frame(path)
    values = frame.floats("x", "y", "z", "i", "d")
    intensity, device = values[:, 3], values[:, 4]
    for name, column, is_sound, wanted in (
        ("i", intensity, (intensity >= 0) & (intensity <= FULL_INTENSITY), "in 0 to 255"),
        ("d", device, np.isin(device, (_PANDAR64, _PANDAR_GT)), "0 or 1"),
    ):
        if not is_sound.all():
            row = int(np.argmin(is_sound))
            raise InputError(f"{path}: row {row}: {name} is {column[row]:g}, not {wanted}; {AGAIN}")
    own = values[device == _PANDAR64]
    if not len(own):
        raise InputError(f"{path}: no point of the Pandar64 (d is 0); {AGAIN}")
    xyz_m = world_SE3_lidar.inverse().transform_points(own[:, :3])
    return np.column_stack([xyz_m, own[:, 3]]).astype(np.float32)
