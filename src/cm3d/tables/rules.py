"""What the values of a column may be: whole columns are checked at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.geometry.se3 import are_unit
from cm3d.params import NAME, is_name

Values: TypeAlias = np.ndarray[Any, Any]

# Generous: no drive on Earth comes near these.
MAX_POSITION_M: Final = 1e8
MIN_SIDE_M: Final = 1e-2
MAX_SIDE_M: Final = 1e3
MAX_SPEED_MPS: Final = 1e3
MAX_LAG_S: Final = 60.0
MAX_GAP_S: Final = 60.0  # between keyframes
LAST_TIME_US: Final = 4_102_444_800_000_000  # 2100-01-01
MAX_SIDE_PX: Final = 100_000
_FOCAL_LENGTH_PX: Final = (0.1, 1e7)
_MAX_PIXEL: Final = 1e9
_ASPECT_TOLERANCE: Final = 0.02


@dataclass(frozen=True)
class Rule:
    """What each value of a column must be.

    Args:
        wanted: Completes "it is not ...".
        is_met: Mask (N,) of rows of a column (N,) or (N, width).
    """

    wanted: str
    is_met: Callable[[Values], NDArrayBool]


def between(low: float, high: float, what: str, or_nan: bool = False) -> Rule:
    """Numbers from `low` to `high`, both included."""

    def is_met(values: Values) -> NDArrayBool:
        inside = (values >= low) & (values <= high)
        return of_rows(inside | np.isnan(values) if or_nan else inside)

    nan = " or NaN" if or_nan else ""
    return Rule(f"{what} in [{low:g}, {high:g}]{nan}", is_met)


def texts(wanted: str, accepts: Callable[[str], bool]) -> Rule:
    """Texts that a function accepts; it is called once per different one."""

    def is_met(values: Values) -> NDArrayBool:
        distinct = set(values.tolist())
        refused = {text for text in distinct if not isinstance(text, str) or not accepts(text)}
        if not refused:
            return np.ones(len(values), dtype=bool)
        return np.array([text not in refused for text in values], dtype=bool)

    return Rule(wanted, is_met)


def one_of(words: Sequence[str]) -> Rule:
    """Texts among a few."""
    return texts(f"one of {', '.join(words)}", lambda text: text in words)


def of_rows(is_met: NDArrayBool) -> NDArrayBool:
    """(N,) of (N,) or (N, width): rows that are sound as a whole."""
    return is_met if is_met.ndim == 1 else np.asarray(is_met.all(axis=1))


def span_images(
    width_px: NDArrayInt,
    height_px: NDArrayInt,
    image_width_px: NDArrayInt,
    image_height_px: NDArrayInt,
) -> NDArrayBool:
    """(N,) whether masks have the shape of their images, whose scale may be another."""
    expected_px = width_px * image_height_px / image_width_px
    allowed_px = np.maximum(1.0, _ASPECT_TOLERANCE * expected_px)  # 1 px for rounding
    return np.asarray(np.abs(height_px - expected_px) <= allowed_px)


def is_path(text: str) -> bool:
    """Whether this names a file below a root folder."""
    path = PurePosixPath(text)
    inside = not path.is_absolute() and ".." not in path.parts and path.name != ""
    return inside and text.isprintable() and "\\" not in text


def _are_poses(poses: Values) -> NDArrayBool:
    return are_unit(poses[:, :4]) & of_rows(np.abs(poses[:, 4:]) <= MAX_POSITION_M)


def _are_pinholes(matrices: Values) -> NDArrayBool:
    has_form = (matrices[:, [3, 6, 7, 8]] == [0, 0, 0, 1]).all(axis=1)
    low, high = _FOCAL_LENGTH_PX
    focal, rest = matrices[:, [0, 4]], matrices[:, [1, 2, 5]]
    is_bound = of_rows((focal >= low) & (focal <= high)) & of_rows(np.abs(rest) <= high)
    return np.asarray(has_form & is_bound)


def _are_corners(boxes: Values) -> NDArrayBool:
    return of_rows(np.abs(boxes) <= _MAX_PIXEL) & of_rows(boxes[:, :2] <= boxes[:, 2:])


TEXT: Final = texts("a printable text", str.isprintable)
TOKEN: Final = texts(
    "a printable text without blanks at its ends",
    lambda text: text != "" and text.isprintable() and text == text.strip(),
)
SCENE: Final = texts(NAME, is_name)
LOCATION: Final = texts(f"{NAME}, or empty", lambda text: text == "" or is_name(text))
PATH: Final = texts("the path of a file below the data set's root", is_path)
SPLIT: Final = one_of(("train", "val"))
SHARE: Final = between(0, 1, "a share")
SHARE_OR_NAN: Final = between(0, 1, "a share", or_nan=True)
COUNT: Final = between(0, 2**53, "a count")
COUNT_OR_UNKNOWN: Final = between(-1, 2**53, "a count")
SIDE_PX: Final = between(1, MAX_SIDE_PX, "pixels")
POSITION: Final = between(-MAX_POSITION_M, MAX_POSITION_M, "metres")
SIDE: Final = between(MIN_SIDE_M, MAX_SIDE_M, "metres")
ANGLE: Final = between(-1e3, 1e3, "radians")
VELOCITY: Final = between(-MAX_SPEED_MPS, MAX_SPEED_MPS, "m/s", or_nan=True)
LEVEL: Final = between(-2, 4, "a level")
LAG: Final = between(0, MAX_LAG_S, "seconds")
TIME: Final = between(0, LAST_TIME_US, "microseconds before the year 2100")
FINITE_OR_NAN: Final = between(-1e300, 1e300, "a number", or_nan=True)
POSE: Final = Rule("a unit quaternion w, x, y, z and metres x, y, z within 1e8", _are_poses)
PINHOLE: Final = Rule("a matrix [[fx, s, cx], [0, fy, cy], [0, 0, 1]], fx, fy > 0", _are_pinholes)
CORNERS: Final = Rule("x_min, y_min, x_max, y_max in pixels, in order", _are_corners)
