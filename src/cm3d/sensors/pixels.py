"""Where LiDAR points are in images, where a data set knows it better than its camera model does.

A camera that reads its image out column by column, while the car drives on, is no pinhole. A file
beside that of a sweep says where its points are; without one, points are projected.
"""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool
from cm3d.geometry.point_pixels import PointPixels
from cm3d.params import read_content
from cm3d.sensors.card import Sensors
from cm3d.sensors.lidar import are_on_ego, read_sweep
from cm3d.tables.index import Sweeps

SUFFIX: Final = ".pixels.npz"

_REMEDY: Final = "rerun `dvc repro download`"
_DTYPES: Final = {"point": "u4", "number": "u1", "channels": "U", "pixel_px": "f4"}
_STEP_PX: Final = 1 / 16  # of what is stored


def encode(pixels: PointPixels) -> bytes:
    """Content of a file; pixels are rounded to a sixteenth."""
    channels, number = np.unique(pixels.channel.astype(str), return_inverse=True)
    pixel_px = np.round(pixels.pixel_px / _STEP_PX) * _STEP_PX
    columns = {"point": pixels.point, "number": number, "pixel_px": pixel_px}
    stored: dict[str, Any] = {n: c.astype(_DTYPES[n]) for n, c in columns.items()}
    file = BytesIO()
    np.savez_compressed(file, channels=channels, **stored)
    return file.getvalue()


def pixels_path(sweep: Path) -> Path:
    """Where the pixels of a LiDAR file's points are."""
    return sweep.with_name(sweep.name + SUFFIX)


def read_pixels(path: Path, points: int) -> PointPixels:
    """Read such a file.

    Args:
        path: The file.
        points: How many the LiDAR file has.

    Raises:
        InputError: It is missing, damaged, or of another LiDAR file.
    """
    content = BytesIO(read_content(path, _REMEDY))
    try:
        with np.load(content, allow_pickle=False) as file:
            stored = {name: file[name] for name in _DTYPES}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, TypeError) as error:
        raise InputError(f"{path}: no pixels of LiDAR points, or damaged; {_REMEDY}") from error
    count = len(np.atleast_1d(stored["point"]))
    shapes = {"point": (count,), "number": (count,), "pixel_px": (count, 2)}
    if not (
        all(stored[name].dtype.kind == dtype[0] for name, dtype in _DTYPES.items())
        and all(stored[name].shape == shape for name, shape in shapes.items())
        and stored["channels"].ndim == 1
        and (stored["number"] < len(stored["channels"])).all()
        and np.isfinite(stored["pixel_px"]).all()
        and (stored["point"] < points).all()
    ):
        raise InputError(f"{path}: not the pixels of {points} LiDAR points; {_REMEDY}")
    return PointPixels(
        stored["point"].astype(np.int64),
        stored["channels"].astype(object)[stored["number"]],
        stored["pixel_px"].astype(np.float64),
    )


def newest_pixels(sensors: Sensors, sweeps: Sweeps, ego_half_extent_m: float) -> PointPixels | None:
    """Pixels of the keyframe's own points, by their rows in what `accumulate` makes of it.

    Args:
        sensors: Where files are and how they are read.
        sweeps: Rows of one keyframe, sorted: its own points come first.
        ego_half_extent_m: As `accumulate` was given.

    Returns:
        None where the data set has no such file for the keyframe.

    Raises:
        InputError: A file is missing or damaged.
    """
    path = sensors.root / sweeps.path[0]
    if not pixels_path(path).exists():
        return None
    sweep = read_sweep(path, sensors.lidar)
    pixels = read_pixels(pixels_path(path), len(sweep))
    is_kept: NDArrayBool = ~are_on_ego(sweep, ego_half_extent_m)
    kept = pixels[is_kept[pixels.point]]
    return PointPixels((np.cumsum(is_kept) - 1)[kept.point], kept.channel, kept.pixel_px)
