"""What the fields of nuScenes' JSON tables must be: whole columns are checked at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.se3 import are_unit
from cm3d.params import NAME, is_name
from cm3d.tables import rules

_MOUNT_M: Final = 100.0  # no sensor stands farther from its vehicle's origin
_MODALITIES: Final = frozenset({"camera", "lidar", "radar"})
_VISIBILITIES: Final = frozenset({"", "0", "1", "2", "3", "4"})


@dataclass(frozen=True)
class Field:
    """What a field must be.

    Args:
        wanted: Completes "it is not ...".
        are_sound: Mask (N,) of its values in N records.
        table: That the tokens refer to, if they do; an empty one refers to nothing.
        optional: Whether a record may lack it.
    """

    wanted: str
    are_sound: Callable[[Sequence[Any]], NDArrayBool]
    table: str = ""
    optional: bool = False


def text(wanted: str, accepts: Callable[[str], bool]) -> Field:
    """Texts that a function accepts; it is called once per different one."""

    def are_sound(values: Sequence[Any]) -> NDArrayBool:
        if set(map(type, values)) <= {str}:
            refused = {value for value in set(values) if not accepts(value)}
            if not refused:
                return np.ones(len(values), dtype=bool)
        return np.array([type(value) is str and accepts(value) for value in values], dtype=bool)

    return Field(wanted, are_sound)


def numbers(
    wanted: str, shape: tuple[int, ...], are_sound: Callable[[NDArrayFloat], NDArrayBool]
) -> Field:
    """Numbers of one shape; the function takes (N, *shape) and need not mind what is none (NaN)."""

    def check(values: Sequence[Any]) -> NDArrayBool:
        with np.errstate(invalid="ignore", over="ignore"):
            sound = are_sound(_floats(values, shape))
        return sound.reshape(len(values), -1).all(axis=1) if sound.ndim > 1 else sound

    return Field(wanted, check)


def _floats(values: Sequence[Any], shape: tuple[int, ...]) -> NDArrayFloat:
    """(N, *shape); NaN in the rows that are no numbers of this shape."""
    if not values:
        return np.empty((0, *shape))
    array = _as_floats(values, (len(values), *shape))
    if array is not None:
        return array
    rows = [_as_floats([value], (1, *shape)) for value in values]
    nothing = np.full((1, *shape), np.nan)
    return np.concatenate([nothing if row is None else row for row in rows])


def _as_floats(values: Sequence[Any], shape: tuple[int, ...]) -> NDArrayFloat | None:
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):  # lists of unequal length
        return None
    is_numeric = array.dtype.kind in "iuf" and array.shape == shape
    return array.astype(np.float64) if is_numeric else None


def within(low: float, high: float, shape: tuple[int, ...], what: str) -> Field:
    """Numbers from `low` to `high`."""
    return numbers(
        f"{what} in [{low:g}, {high:g}]", shape, lambda array: (array >= low) & (array <= high)
    )


def refers_to(table: str, or_none: bool = False, optional: bool = False) -> Field:
    """A token of a table; with `or_none` it may be empty."""
    field = TOKEN if not or_none else TOKEN_OR_NONE
    return Field(field.wanted, field.are_sound, table, optional)


def _are_intrinsics(values: Sequence[Any]) -> NDArrayBool:
    """Of cameras a matrix; what is no camera has none, or an empty one."""
    has = np.array([value is not None and value != [] for value in values], dtype=bool)
    matrices = _floats([values[row] for row in np.flatnonzero(has)], (3, 3))
    with np.errstate(invalid="ignore"):
        sound = rules.PINHOLE.is_met(matrices.reshape(-1, 9))
    is_sound = ~has
    is_sound[has] = sound
    return is_sound


def _are_lists_of_tokens(values: Sequence[Any]) -> NDArrayBool:
    return np.array(
        [type(v) is list and all(type(t) is str and t != "" for t in v) for v in values], dtype=bool
    )


def _are_flags(values: Sequence[Any]) -> NDArrayBool:
    return np.array([value is True or value is False for value in values], dtype=bool)


def _is_token(value: str) -> bool:
    return value != "" and value.isprintable()


TOKEN: Final = text("a token", _is_token)
TOKEN_OR_NONE: Final = text("a token, or empty", str.isprintable)
ATTRIBUTES: Final = Field("a list of tokens", _are_lists_of_tokens, "attribute")
WORD: Final = text("a name", _is_token)
SCENE_NAME: Final = text(NAME, is_name)
LOCATION: Final = text(f"{NAME}, or empty", lambda value: value == "" or is_name(value))
FILE: Final = text("the path of a file below the root", rules.is_path)
MODALITY: Final = text("one of camera, lidar, radar", _MODALITIES.__contains__)
FLAG: Final = Field("true or false", _are_flags)
VISIBILITY: Final = text("empty or 1 to 4", lambda value: value in _VISIBILITIES)
QUATERNION: Final = numbers("a unit quaternion w, x, y, z", (4,), are_unit)
POSITION: Final = within(-rules.MAX_POSITION_M, rules.MAX_POSITION_M, (3,), "3 metres")
MOUNT: Final = within(-_MOUNT_M, _MOUNT_M, (3,), "3 metres")
SIZE: Final = within(rules.MIN_SIDE_M, rules.MAX_SIDE_M, (3,), "width, length, height in metres")
INTRINSICS: Final = Field(rules.PINHOLE.wanted, _are_intrinsics)
TIME: Final = within(
    0, rules.LAST_TIME_US, (), "microseconds, as years before 2100 have them since 1970,"
)
SIDE_PX: Final = within(1, rules.MAX_SIDE_PX, (), "pixels")
COUNT: Final = within(0, 2**53, (), "a count")
COUNT_OR_UNKNOWN: Final = within(-1, 2**53, (), "a count or -1 for unknown,")
