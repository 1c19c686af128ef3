"""Centrelines of a map expansion."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from nuscenes.map_expansion.arcline_path_utils import discretize_lane

from cm3d.datasets.nuscenes.fields import text, within
from cm3d.datasets.nuscenes.maps import AGAIN, LANE_PATHS, LANES, MapExpansion
from cm3d.errors import InputError
from cm3d.tables import Lanes
from cm3d.tables.contract import shown
from cm3d.tables.rules import MAX_POSITION_M, TOKEN

_SHAPES: Final = frozenset({"LRL", "RLR", "LSL", "LSR", "RSL", "RSR"})
_MAX_POINTS: Final = 100_000  # of a lane: 50 km at every half metre
_POSE: Final = within(-MAX_POSITION_M, MAX_POSITION_M, (3,), "x, y, yaw")
_ARCLINE: Final = {
    "start_pose": _POSE,
    "shape": text("one of LRL, RLR, LSL, LSR, RSL, RSR", _SHAPES.__contains__),
    "radius": within(1e-3, 1e9, (), "metres"),
    "segment_length": within(0, 1e6, (3,), "three lengths in metres"),
}


def index_lanes(expansion: MapExpansion, step_m: float) -> Lanes:
    """Discretise the centrelines of all lanes and lane connectors of a map.

    Lanes without a path, of which nuScenes' maps have some, are left out.

    Args:
        expansion: The map.
        step_m: Greatest distance between neighbouring points.

    Raises:
        InputError: A lane of it is malformed.
    """
    path, layers = expansion.path, expansion.layers
    paths = layers[LANE_PATHS]
    if not isinstance(paths, dict):
        raise InputError(f"{path}: no map expansion v1.3: {LANE_PATHS} is no object; {AGAIN}")
    lanes = [(token, kind) for kind in LANES for token in _tokens(path, kind, layers[kind])]
    for token, count in Counter(token for token, _ in lanes).items():
        if count > 1:
            raise InputError(f"{path}: lane {shown(token)} stands there {count} times; {AGAIN}")
    arclines = {token: paths.get(token, []) for token, _ in lanes}
    _check(path, arclines, step_m)
    return Lanes.concatenate(_lane(token, kind, arclines[token], step_m) for token, kind in lanes)


def _tokens(path: Path, kind: str, records: Any) -> list[str]:
    """The tokens of the lanes of one kind."""
    if not isinstance(records, list):
        raise InputError(f"{path}: no map expansion v1.3: {kind} is no list; {AGAIN}")
    for number, record in enumerate(records):
        token = record.get("token") if isinstance(record, dict) else None
        if not isinstance(token, str) or not TOKEN.is_met(np.array([token], dtype=object)).all():
            raise InputError(f"{path}: {kind} {number} has no token; {AGAIN}")
    return [record["token"] for record in records]


def _check(path: Path, lanes: Mapping[str, Any], step_m: float) -> None:
    """Check the arclines of each lane."""
    for token, own in lanes.items():
        if not isinstance(own, list) or not all(isinstance(arcline, dict) for arcline in own):
            fault = f"its path is {shown(own)}, no list of arclines"
            raise InputError(f"{path}: lane {shown(token)}: {fault}; {AGAIN}")
    owners = [token for token, own in lanes.items() for _ in own]
    arclines = [arcline for own in lanes.values() for arcline in own]
    for name, field in _ARCLINE.items():
        values = [arcline.get(name) for arcline in arclines]
        is_sound = field.are_sound(values) if values else np.ones(0, dtype=bool)
        if not is_sound.all():
            row = int(np.argmin(is_sound))
            fault = f"{name} is {shown(values[row])}, not {field.wanted}"
            raise InputError(f"{path}: lane {shown(owners[row])}: {fault}; {AGAIN}")
    for token, own in lanes.items():
        length_m = sum(sum(arcline["segment_length"]) for arcline in own)
        if length_m / step_m > _MAX_POINTS:
            fault = f"{length_m:g} m with a point every {step_m:g} m never end"
            raise InputError(
                f"{path}: lane {shown(token)}: {fault}; {AGAIN} or raise dataset.lane_step_m"
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
