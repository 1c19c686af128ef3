"""Lanes of a segment from its v1 `.tfrecord` file: version 2 has no maps.

Numbers of fields are those of Waymo's dataset.proto and map.proto; other fields are passed over.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cm3d.datasets.waymo.tfrecords import first_record
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat, NDArrayInt
from cm3d.tables import Lanes
from cm3d.tables.protobuf import FIXED64, LENGTH, VARINT
from cm3d.tables.protobuf.reading import WireError, messages, repeated, texts
from cm3d.tables.rules import MAX_POSITION_M

# Below the data set's root: v1 files, however deep.
FOLDER: Final = "v1"

_NAME: Final = re.compile(r"segment-(.+?)(_with_camera_labels)?\.tfrecord$")
_AGAIN: Final = "fetch it again (Waymo v1)"

_CONTEXT, _FEATURES, _OFFSET = 1, 10, 11  # of a frame
_FEATURE: Final = {1: VARINT, 3: LENGTH}  # number, lane
_LANE: Final = {2: VARINT, 3: VARINT}  # type, whether it interpolates between two others
_POLYLINE: Final = 8
_POINT: Final = {1: FIXED64, 2: FIXED64}  # x, y

# Freeways and surface streets; bike lanes and lanes of no type do not say where vehicles head.
_OF_VEHICLES: Final = (1, 2)
_SAME_PLACE_M: Final = 1e-3
_MAX_POINTS: Final = 100_000  # of a lane: 50 km at every half metre


@dataclass(frozen=True, eq=False)
class Centreline:
    """A lane that vehicles drive on.

    Args:
        number: Its name, among those of its segment.
        is_connector: Whether it joins two others, as over an intersection.
        xy_m: (N, 2) along the direction of travel, global frame of the segment.
    """

    number: int
    is_connector: bool
    xy_m: NDArrayFloat


@dataclass(frozen=True)
class MapFile:
    """A v1 file of a segment.

    Args:
        path: The file.
        lanes: How many lanes of vehicles it has.
    """

    path: Path
    lanes: int


def find_files(root: Path, names: Iterable[str]) -> dict[str, Path]:
    """The v1 files of some segments below a root, by segment; none without the folder.

    Raises:
        InputError: The folder has none of any segment, or two of one.
    """
    folder, wanted = root / FOLDER, set(names)
    if not os.path.lexists(folder):
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.tfrecord")):
        match = _NAME.search(path.name)
        if match is None or match[1] not in wanted:
            continue
        if (other := found.setdefault(match[1], path)) != path:
            raise InputError(f"{path}: segment {match[1]} lies in {other} too; take one away")
    if not found:
        raise InputError(
            f"{folder}: no segment-NAME.tfrecord of any of {len(wanted)} segments; put Waymo's v1 "
            "files of them there, for their lanes, or take the folder away"
        )
    return found


def open_map(name: str, files: Mapping[str, Path], step_m: float) -> MapFile:
    """A segment's v1 file; arguments and errors as of `read_centrelines`."""
    return MapFile(files[name], len(read_centrelines(files[name], name, step_m)))


def index_lanes(path: Path, name: str, step_m: float) -> Lanes:
    """The same lanes as a table, with neighbouring points at most `step_m` apart."""
    return Lanes.concatenate(
        _sampled(line, step_m) for line in read_centrelines(path, name, step_m)
    )


def read_centrelines(path: Path, name: str, step_m: float) -> list[Centreline]:
    """The lanes of vehicles of a segment, as its first frame has them.

    Points that stand where the one before does are left out, and lanes of one point.

    Args:
        path: Its v1 file.
        name: Of the segment.
        step_m: Distance that points are wanted at, to refuse lanes of millions.

    Raises:
        InputError: The file is damaged, or of another segment.
    """
    data = np.frombuffer(first_record(path), dtype=np.uint8)
    try:
        segment = _segment(data)
        lines = [line for line in _centrelines(data) if len(line.xy_m) > 1]
    except WireError as error:
        fault = f"its first frame is none ({error.reason} at {error.row})"
        raise InputError(f"{path}: {fault}; {_AGAIN}") from error
    if segment != name:
        raise InputError(
            f"{path}: it is of segment {segment!r:.80}; name it after its segment or {_AGAIN}"
        )
    _check(path, lines, step_m)
    return lines


def _segment(data: NDArrayByte) -> str:
    found = texts(data, messages(data, *_last(data, _CONTEXT), {1: LENGTH})[1])
    return str(found[0]) if len(found) else ""


def _last(data: NDArrayByte, number: int) -> tuple[NDArrayInt, NDArrayInt]:
    """Where the message (1,) of a field of a frame is, or (0,) of none."""
    start, stop = repeated(data, number)
    return start[-1:], stop[-1:]


def _centrelines(data: NDArrayByte) -> list[Centreline]:
    offset = messages(data, *_last(data, _OFFSET), _POINT)
    offset_m = np.array([offset[axis].doubles().sum() for axis in _POINT])
    features = messages(data, *repeated(data, _FEATURES), _FEATURE)
    is_lane = features[3].is_there
    numbers = features[1].integers()[is_lane]
    starts, stops = features[3].start[is_lane], features[3].stop[is_lane]
    fields = messages(data, starts, stops, _LANE)
    connects = fields[3].integers() != 0
    return [
        Centreline(
            int(numbers[row]),
            bool(connects[row]),
            # points plus the offset are in the frame of the map
            _polyline_m(data[starts[row] : stops[row]]) - offset_m,
        )
        for row in np.flatnonzero(np.isin(fields[2].integers(), _OF_VEHICLES))
    ]


def _polyline_m(lane: NDArrayByte) -> NDArrayFloat:
    """Its points (N, 2), without those that stand where the one before does."""
    points = messages(lane, *repeated(lane, _POLYLINE), _POINT)
    xy_m = np.column_stack([points[axis].doubles() for axis in _POINT])
    with np.errstate(over="ignore", invalid="ignore"):  # `_check` refuses such points
        moves_m = np.linalg.norm(np.diff(xy_m, axis=0), axis=1)
    return np.asarray(xy_m[np.append(True, ~(moves_m < _SAME_PLACE_M))[: len(xy_m)]])


def _check(path: Path, lines: Sequence[Centreline], step_m: float) -> None:
    for number, count in Counter(line.number for line in lines).items():
        if count > 1:
            raise InputError(f"{path}: lane {number} stands there {count} times; {_AGAIN}")
    for line in lines:
        if not (np.abs(line.xy_m) <= MAX_POSITION_M).all():
            raise InputError(
                f"{path}: lane {line.number} has a point that is not within {MAX_POSITION_M:g} m; "
                f"{_AGAIN}"
            )
        length_m = np.linalg.norm(np.diff(line.xy_m, axis=0), axis=1).sum()
        if length_m / step_m > _MAX_POINTS:
            raise InputError(
                f"{path}: lane {line.number}: {length_m:g} m with a point every {step_m:g} m never "
                f"end; {_AGAIN} or raise dataset.lane_step_m"
            )


def _sampled(line: Centreline, step_m: float) -> Lanes:
    """Points at equal distances; one at a bend heads as what follows it."""
    moves_m = np.diff(line.xy_m, axis=0)
    along_m = np.append(0.0, np.cumsum(np.linalg.norm(moves_m, axis=1)))
    count = int(np.ceil(along_m[-1] / step_m)) + 1
    at_m = np.linspace(0.0, along_m[-1], count)
    piece = np.minimum(np.searchsorted(along_m, at_m, side="right") - 1, len(moves_m) - 1)
    return Lanes.from_columns(
        lane_token=[str(line.number)] * count,
        point_index=np.arange(count),
        kind=["lane_connector" if line.is_connector else "lane"] * count,
        position_m=np.column_stack([np.interp(at_m, along_m, axis_m) for axis_m in line.xy_m.T]),
        yaw_rad=np.arctan2(moves_m[piece, 1], moves_m[piece, 0]),
    )
