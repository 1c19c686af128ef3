"""From the records of all scenes to a database that nuScenes' devkit opens."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2

from cm3d.errors import InputError, unwritable
from cm3d.simulation.database.annotations import ATTRIBUTES, CATEGORIES
from cm3d.simulation.database.map_expansion import map_expansion, map_mask
from cm3d.simulation.database.records import (
    Row,
    record_path,
    token,
    write_table,
    write_whole,
)
from cm3d.simulation.instances import MODELS, embedded_models
from cm3d.simulation.schedule import ScenePlan
from cm3d.simulation.sensors.rig import CAMERAS, LIDAR_CHANNEL
from cm3d.simulation.town.town import build_town

_SCENE_TABLES: Final = (
    "log",
    "calibrated_sensor",
    "scene",
    "sample",
    "sample_data",
    "ego_pose",
    "sample_annotation",
    "instance",
)
_VISIBILITY_LEVELS: Final = ("v0-40", "v40-60", "v60-80", "v80-100")


def assemble_database(root: Path, version: str, plans: Sequence[ScenePlan], seed: int) -> None:
    """Write tables, maps, splits and `MODELS` from the scenes' records, then remove the records.

    Args:
        root: Folder of the data set.
        version: Name of the folder with the tables.
        plans: All scenes, each simulated by `simulate_scene`.
        seed: The source of all randomness.

    Raises:
        InputError: A scene has no record, or the folder cannot be written.
    """
    records = [_read_record(root, plan) for plan in plans]
    tables = {name: [row for record in records for row in record[name]] for name in _SCENE_TABLES}
    tables |= _fixed_tables() | {"map": _map_rows(plans)}
    try:
        for name, rows in tables.items():
            write_table(root / version / f"{name}.json", rows)
        splits = {s: [p.scene_name for p in plans if p.split == s] for s in ("train", "val")}
        write_whole(root / version / "splits.json", json.dumps(splits, indent=1).encode())
        write_surroundings(root, plans, seed)
        shutil.rmtree(root / "records")
    except OSError as error:
        raise unwritable(root, error) from error


def _read_record(root: Path, plan: ScenePlan) -> dict[str, list[Row]]:
    path = record_path(root, plan.scene_name)
    try:
        record: dict[str, list[Row]] = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path}: scene is not simulated; run `dvc repro download`") from error
    return record


def _fixed_tables() -> dict[str, list[Row]]:
    channels = {LIDAR_CHANNEL: "lidar"} | {mount.channel: "camera" for mount in CAMERAS}
    return {
        "category": [
            {"token": token("category", name), "name": name, "description": "", "index": index}
            for index, name in enumerate(CATEGORIES)
        ],
        "attribute": [
            {"token": token("attribute", name), "name": name, "description": ""}
            for name in ATTRIBUTES
        ],
        "visibility": [
            {"token": str(level), "level": name, "description": f"{name[1:]}% visible"}
            for level, name in enumerate(_VISIBILITY_LEVELS, start=1)
        ],
        "sensor": [
            {"token": token("sensor", channel), "channel": channel, "modality": modality}
            for channel, modality in channels.items()
        ],
    }


def _map_rows(plans: Sequence[ScenePlan]) -> list[Row]:
    return [
        {
            "token": token("map", location),
            "log_tokens": [token("log", p.scene_name) for p in plans if p.location == location],
            "category": "semantic_prior",
            "filename": f"maps/{location}.png",
        }
        for location in sorted({plan.location for plan in plans})
    ]


def write_surroundings(root: Path, plans: Sequence[ScenePlan], seed: int) -> None:
    """Write the maps of all towns, and `MODELS`, which no format of scenes changes.

    Args:
        root: Folder of the data set.
        plans: All scenes.
        seed: The source of all randomness.

    Raises:
        InputError: The folder cannot be written.
    """
    try:
        _write_maps(root, plans, seed)
        write_whole(root / MODELS, json.dumps(embedded_models(seed), indent=1).encode())
    except OSError as error:
        raise unwritable(root, error) from error


def _write_maps(root: Path, plans: Sequence[ScenePlan], seed: int) -> None:
    for location in sorted({plan.location for plan in plans}):
        town = build_town(seed, location)
        content = json.dumps(map_expansion(town))
        write_whole(root / "maps" / "expansion" / f"{location}.json", content.encode())
        _, png = cv2.imencode(".png", map_mask(town))
        write_whole(root / "maps" / f"{location}.png", png.tobytes())
