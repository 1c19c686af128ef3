"""A map expansion: its file, of which lanes and areas are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.params import read_json

AGAIN: Final = "fetch it again"
LANES: Final = ("lane", "lane_connector")
LANE_PATHS: Final = "arcline_path_3"


@dataclass(frozen=True, eq=False)
class MapExpansion:
    """What one file holds.

    Args:
        path: The file, to name it in messages.
        layers: Its content by layer; nothing where there is no such file.
    """

    path: Path
    layers: Mapping[str, Any]


def map_path(location: str) -> Path:
    """The map expansion of a location, relative to the data set's root."""
    return Path("maps/expansion") / f"{location}.json"


def read_map(root: Path, location: str) -> MapExpansion:
    """Read the map expansion of a location; one that is not there has nothing in it.

    Args:
        root: Root folder of the data set.
        location: Name of the map.

    Raises:
        InputError: The file is no map expansion.
    """
    path = root / map_path(location)
    if not path.is_file():
        return MapExpansion(path, {**{key: [] for key in LANES}, LANE_PATHS: {}})
    content = read_json(path, AGAIN)
    if not isinstance(content, dict) or not all(key in content for key in (*LANES, LANE_PATHS)):
        raise InputError(f"{path}: no map expansion v1.3, with {LANES} and {LANE_PATHS}; {AGAIN}")
    return MapExpansion(path, content)
