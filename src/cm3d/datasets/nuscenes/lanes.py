"""Centrelines of a map expansion."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from nuscenes.map_expansion.arcline_path_utils import discretize_lane

from cm3d.errors import InputError
from cm3d.tables import Lanes

_KINDS = ("lane", "lane_connector")


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
    try:
        content = json.loads(path.read_bytes())
        paths = content["arcline_path_3"]
        lanes = [(r["token"], kind) for kind in _KINDS for r in content[kind]]
        parts = [_lane(token, kind, paths.get(token, []), step_m) for token, kind in lanes]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: no map expansion v1.3 ({type(error).__name__}: {error}); fetch it again"
        ) from error
    return Lanes.concatenate(parts)


def _lane(token: str, kind: str, arclines: list[dict[str, Any]], step_m: float) -> Lanes:
    poses = np.array(discretize_lane(arclines, step_m), dtype=np.float64).reshape(-1, 3)
    return Lanes.from_columns(
        lane_token=[token] * len(poses),
        point_index=np.arange(len(poses)),
        kind=[kind] * len(poses),
        position_m=poses[:, :2],
        yaw_rad=poses[:, 2],
    )
