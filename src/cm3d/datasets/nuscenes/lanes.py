"""Centrelines of a map expansion."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from nuscenes.map_expansion.arcline_path_utils import discretize_lane

from cm3d.datasets.nuscenes.fields import text, within
from cm3d.errors import InputError
from cm3d.params import read_json
from cm3d.tables import Lanes
from cm3d.tables.contract import shown
from cm3d.tables.rules import MAX_POSITION_M, TOKEN

_SHAPES: Final = frozenset({"LRL", "RLR", "LSL", "LSR", "RSL", "RSR"})
_KINDS: Final = ("lane", "lane_connector")
_PATHS: Final = "arcline_path_3"
_AGAIN: Final = "fetch it again"
_MAX_POINTS: Final = 100_000  # of a lane: 50 km at every half metre
_POSE: Final = within(-MAX_POSITION_M, MAX_POSITION_M, (3,), "x, y, yaw")
_ARCLINE: Final = {
    "start_pose": _POSE,
    "shape": text("one of LRL, RLR, LSL, LSR, RSL, RSR", _SHAPES.__contains__),
    "radius": within(1e-3, 1e9, (), "metres"),
    "segment_length": within(0, 1e6, (3,), "three lengths in metres"),
}


def map_path(location: str) -> Path:
    """The map expansion of a location, relative to the data set's root."""
    return Path("maps/expansion") / f"{location}.json"


def index_lanes(root: Path, location: str, step_m: float) -> Lanes:
    """Discretise the centrelines of all lanes and lane connectors of a map.

    Lanes without a path, of which nuScenes' maps have some, are left out.

    Args:
        root: Root folder of the data set.
        location: Name of the map; no map of that name gives an empty table.
        step_m: Greatest distance between neighbouring points.

    Raises:
        InputError: The file is no map expansion.
    """
    path = root / map_path(location)
    if not path.is_file():
        return Lanes.empty()
    content = read_json(path, _AGAIN)
    if not isinstance(content, dict) or not all(key in content for key in (*_KINDS, _PATHS)):
        raise InputError(f"{path}: no map expansion v1.3, with {_KINDS} and {_PATHS}; {_AGAIN}")
    paths = content[_PATHS]
    if not isinstance(paths, dict):
        raise InputError(f"{path}: no map expansion v1.3: {_PATHS} is no object; {_AGAIN}")
    lanes = [(token, kind) for kind in _KINDS for token in _tokens(path, kind, content[kind])]
    for token, count in Counter(token for token, _ in lanes).items():
        if count > 1:
            raise InputError(f"{path}: lane {shown(token)} stands there {count} times; {_AGAIN}")
    arclines = {token: paths.get(token, []) for token, _ in lanes}
    _check(path, arclines, step_m)
    return Lanes.concatenate(_lane(token, kind, arclines[token], step_m) for token, kind in lanes)


def _tokens(path: Path, kind: str, records: Any) -> list[str]:
    """The tokens of the lanes of one kind."""
    if not isinstance(records, list):
        raise InputError(f"{path}: no map expansion v1.3: {kind} is no list; {_AGAIN}")
    for number, record in enumerate(records):
        token = record.get("token") if isinstance(record, dict) else None
        if not isinstance(token, str) or not TOKEN.is_met(np.array([token], dtype=object)).all():
            raise InputError(f"{path}: {kind} {number} has no token; {_AGAIN}")
    return [record["token"] for record in records]


def _check(path: Path, lanes: Mapping[str, Any], step_m: float) -> None:
    """Check the arclines of each lane."""
    for token, own in lanes.items():
        if not isinstance(own, list) or not all(isinstance(arcline, dict) for arcline in own):
            fault = f"its path is {shown(own)}, no list of arclines"
            raise InputError(f"{path}: lane {shown(token)}: {fault}; {_AGAIN}")
    owners = [token for token, own in lanes.items() for _ in own]
    arclines = [arcline for own in lanes.values() for arcline in own]
    for name, field in _ARCLINE.items():
        values = [arcline.get(name) for arcline in arclines]
        is_sound = field.are_sound(values) if values else np.ones(0, dtype=bool)
        if not is_sound.all():
            row = int(np.argmin(is_sound))
            fault = f"{name} is {shown(values[row])}, not {field.wanted}"
            raise InputError(f"{path}: lane {shown(owners[row])}: {fault}; {_AGAIN}")
    for token, own in lanes.items():
        length_m = sum(sum(arcline["segment_length"]) for arcline in own)
        if length_m / step_m > _MAX_POINTS:
            fault = f"{length_m:g} m with a point every {step_m:g} m never end"
            raise InputError(
                f"{path}: lane {shown(token)}: {fault}; {_AGAIN} or raise dataset.lane_step_m"
            )


def _lane(token: str, kind: str, arclines: list[dict[str, Any]], step_m: float) -> Lanes:
    poses = np.array(discretize_lane(arclines, step_m), dtype=np.float64).reshape(-1, 3)
    return Lanes.from_columns(
        lane_token=[token] * len(poses),
        point_index=np.arange(len(poses)),
        kind=[kind] * len(poses),
        position_m=poses[:, :2],
        yaw_rad=poses[:, 2],
    )
