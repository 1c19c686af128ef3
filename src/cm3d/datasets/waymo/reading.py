"""Rows of a component's file: only the columns that are wanted, each row known by its keys.

Rows of two components stand in different orders, so that nothing may be joined by position.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cm3d.datasets.waymo.components import (
    LASER,
    LASERS,
    SEGMENT,
    TIME,
    VEHICLE_POSE,
    Component,
)
from cm3d.datasets.waymo.range_images import Image
from cm3d.datasets.waymo.segments import Segment
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.params import check_file

FIRST, SECOND = "range_image_return1", "range_image_return2"
FIRST_SHAPE: Final = f"{FIRST}.shape"

Rows: TypeAlias = dict[str, np.ndarray[Any, Any]]

_AGAIN: Final = "fetch it again"
_STREAMED: Final = 8  # rows that are in memory at once, of images
_OFF_RIGID: Final = 1e-3


def read_rows(segment: Segment, component: Component, names: Sequence[str] = ()) -> Rows:
    """Keys and the named columns of a whole file; for columns that weigh little.

    Returns:
        By name: (N,) numbers, floats with NaN for null, (N,) texts, (N, width) of lists of one
        width, and (N,) objects, array or None, of lists of any.

    Raises:
        InputError: The file is missing or malformed, or a key stands twice.
    """
    path = segment.path(component)
    batches = list(_batches(segment, component, names, rows=1 << 14))
    wanted = [name for name in component.keys if name != SEGMENT]
    rows: Rows = {}
    for name in [*wanted, *names]:
        chunks = [batch[name] for batch in batches]
        rows[name] = _as_array(pa.concat_arrays(chunks) if chunks else pa.array([], pa.int64()))
    keys = list(zip(*(rows[name].tolist() for name in wanted), strict=True))
    if len(set(keys)) < len(keys):
        twice = next(key for row, key in enumerate(keys) if key in keys[:row])
        raise InputError(f"{path}: two rows have the key {_shown(wanted, twice)}; {_AGAIN}")
    return rows


def stream_rows(
    segment: Segment, component: Component, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The same row by row, in the order of the file, for columns that weigh much.

    Yields:
        Key and value by name; lists are arrays.

    Raises:
        InputError: The file is missing or malformed.
    """
    for batch in _batches(segment, component, names, _STREAMED):
        for row in range(len(next(iter(batch.values())))):
            yield {name: _value(column[row]) for name, column in batch.items()}


def range_image(row: dict[str, Any], name: str, channels: int, path: Path) -> Image | None:
    """A range image (height, width, channels) of a streamed row; None where there is none.

    Both returns have the first one's shape: that of a second one that is null could not be read,
    since pyarrow refuses nulls among lists of one width.

    Raises:
        InputError: It has another number of values than its shape says, or of channels.
    """
    values, shape = row[f"{name}.values"], row[FIRST_SHAPE]
    if values is None:
        return None
    if shape[2] != channels or (shape < 1).any() or np.prod(shape, dtype=np.int64) != len(values):
        keys = {key: value for key, value in row.items() if key.startswith("key.")}
        raise InputError(
            f"{path}: {_shown(keys, keys.values())}: {name} has {len(values)} values of shape "
            f"{shape.tolist()}, expected height x width x {channels}; {_AGAIN}"
        )
    return np.asarray(values.reshape(shape))


def transforms(rows: Rows, name: str, path: Path) -> list[SE3]:
    """The transforms of a column of flat (4, 4) matrices.

    Raises:
        InputError: One is none.
    """
    matrices: NDArrayFloat = rows[name].reshape(-1, 4, 4)
    rotations = matrices[:, :3, :3]
    is_rigid = np.isfinite(matrices).all(axis=(1, 2))
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(rotations @ rotations.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
        is_rigid &= (off < _OFF_RIGID) & (np.linalg.det(rotations) > 0)
        is_rigid &= np.abs(matrices[:, 3] - [0, 0, 0, 1]).max(axis=1) < _OFF_RIGID
    if not is_rigid.all():
        row = int(np.argmin(is_rigid))
        keys = {key: values[row] for key, values in rows.items() if key.startswith("key.")}
        raise InputError(
            f"{path}: {_shown(keys, keys.values())}: {name} is no rotation with a translation; "
            f"{_AGAIN}"
        )
    return [SE3(matrix[:3, :3], matrix[:3, 3]) for matrix in matrices]


def read_vehicle_poses(segment: Segment) -> dict[int, SE3]:
    """Pose of the car in the global frame by time of the frame.

    Raises:
        InputError: The file is malformed.
    """
    rows = read_rows(segment, VEHICLE_POSE, ["world_from_vehicle.transform"])
    poses = transforms(rows, "world_from_vehicle.transform", segment.path(VEHICLE_POSE))
    return dict(zip(rows[TIME].tolist(), poses, strict=True))


def check_frames(path: Path, times_us: Iterable[int], known: Container[int]) -> None:
    """Check that a file speaks of the segment's frames.

    Args:
        path: The file.
        times_us: Of its frames.
        known: Of those that have a pose.

    Raises:
        InputError: It has another.
    """
    if strange := [time_us for time_us in times_us if time_us not in known]:
        raise InputError(
            f"{path}: frame {min(strange)} has no row in vehicle_pose; fetch both files again"
        )


def check_keys(segment: Segment, component: Component, frames: Container[int]) -> None:
    """Check that a file with a row per frame and laser has no key twice, and none it cannot have.

    Args:
        segment: Which one.
        component: Of which file.
        frames: Times (us) of those that have a pose.

    Raises:
        InputError: It has, or the file is malformed.
    """
    rows, path = read_rows(segment, component), segment.path(component)
    check_frames(path, rows[TIME].tolist(), frames)
    if unknown := set(rows[LASER].tolist()) - LASERS.keys():
        raise InputError(f"{path}: laser {min(unknown)} is none of {LASERS}; {_AGAIN}")


def _batches(
    segment: Segment, component: Component, names: Sequence[str], rows: int
) -> Iterator[dict[str, pa.Array]]:
    """Columns by name, checked, some rows at a time."""
    path = check_file(segment.path(component), f"fetch the component {component.folder}")
    wanted = {name: component.column(name) for name in (*component.keys, *names)}
    with _reading(path), pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        there = file.schema_arrow.names
        for column in wanted.values():
            if there.count(column) != 1:
                what = "is missing" if column not in there else "stands there twice"
                raise InputError(f"{path}: column {column!r} {what}; {_AGAIN} (v2)")
        for batch in file.iter_batches(batch_size=rows, columns=list(wanted.values())):
            columns = {
                name: _checked(batch.column(column), component, name, path)
                for name, column in wanted.items()
            }
            _check_segment(columns[SEGMENT], segment, path)
            yield columns


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as Parquet ({reason:.120}); {_AGAIN}") from error


def _checked(column: pa.Array, component: Component, name: str, path: Path) -> pa.Array:
    """A column in the type of the component, with nulls only where they may be."""
    expected = component.type_of(name)
    if column.type != expected:
        try:
            column = column.cast(expected)
        except pa.ArrowException as error:
            raise InputError(
                f"{path}: column {component.column(name)!r} is of type {column.type}, expected "
                f"{expected}; {_AGAIN}"
            ) from error
    if column.null_count and name not in component.optional:
        raise InputError(f"{path}: column {component.column(name)!r} has nulls; {_AGAIN}")
    return column


def _check_segment(names: pa.Array, segment: Segment, path: Path) -> None:
    others = pc.filter(names, pc.not_equal(names, segment.name))
    if len(others):
        raise InputError(
            f"{path}: it has rows of segment {others[0].as_py()!r:.80}; name it after its segment "
            f"or {_AGAIN}"
        )


def _as_array(column: pa.Array) -> np.ndarray[Any, Any]:
    if pa.types.is_fixed_size_list(column.type):
        flat = column.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat.reshape(len(column), column.type.list_size))
    if pa.types.is_list(column.type):
        values = np.empty(len(column), dtype=object)
        values[:] = [_value(item) for item in column]
        return values
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    if pa.types.is_integer(column.type):
        return np.asarray(pc.fill_null(column.cast(pa.int64()), 0))
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)


def _value(scalar: pa.Scalar) -> Any:
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.ListScalar | pa.FixedSizeListScalar):
        return scalar.values.to_numpy(zero_copy_only=False)
    return scalar.as_py()


def _shown(names: Any, key: Any) -> str:
    short = [name.removeprefix("key.") for name in names]
    return ", ".join(f"{name} {value}" for name, value in zip(short, key, strict=True))
