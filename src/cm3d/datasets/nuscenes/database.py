"""nuScenes' JSON tables, read once.

The devkit's own reader keeps every field of every sensor; an index needs LIDAR_TOP and the
keyframe images, so the rest is dropped while it is parsed.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from cm3d.errors import InputError

Record: TypeAlias = dict[str, Any]

LIDAR_CHANNEL: Final = "LIDAR_TOP"

# The fields that the index reads; the remaining tables of a database are of no use to it.
FIELDS: dict[str, tuple[str, ...]] = {
    "attribute": ("token", "name"),
    "calibrated_sensor": (
        "token",
        "sensor_token",
        "translation",
        "rotation",
        "camera_intrinsic",
    ),
    "category": ("token", "name"),
    "ego_pose": ("token", "translation", "rotation"),
    "instance": ("token", "category_token"),
    "log": ("token", "location"),
    "sample": ("token", "scene_token", "timestamp"),
    "sample_annotation": (
        "token",
        "sample_token",
        "instance_token",
        "visibility_token",
        "attribute_tokens",
        "translation",
        "size",
        "rotation",
        "prev",
        "next",
        "num_lidar_pts",
        "num_radar_pts",
    ),
    "sample_data": (
        "token",
        "sample_token",
        "ego_pose_token",
        "calibrated_sensor_token",
        "timestamp",
        "is_key_frame",
        "height",
        "width",
        "filename",
        "prev",
    ),
    "scene": ("token", "name", "log_token"),
    "sensor": ("token", "channel", "modality"),
}


class NuScenesTables:
    """The tables of one version below a nuScenes root.

    Args:
        root: Root folder of the data set.
        version: Folder of the tables, such as `v1.0-mini`.

    Raises:
        InputError: A table is missing, cut short or lacks a field.
    """

    def __init__(self, root: Path, version: str) -> None:
        """Read and group the tables."""
        self.root, self.version = root, version
        self._by_token: dict[str, dict[str, Record]] = {}
        for table in FIELDS:
            if table not in ("sample_data", "ego_pose"):
                self._read(table, lambda record: True)
        self._read("sample_data", self._is_wanted)
        poses = {record["ego_pose_token"] for record in self._rows("sample_data")}
        self._read("ego_pose", lambda record: record["token"] in poses)
        self.scenes = {record["name"]: record for record in self._rows("scene")}
        self._samples = _grouped(self._rows("sample"), "scene_token")
        self._annotations = _grouped(self._rows("sample_annotation"), "sample_token")
        keyframes = [record for record in self._rows("sample_data") if record["is_key_frame"]]
        self._sensor_data = _grouped(keyframes, "sample_token")

    def find(self, table: str, token: str) -> Record:
        """The record with this token.

        Raises:
            InputError: There is none.
        """
        try:
            return self._by_token[table][token]
        except KeyError as error:
            raise InputError(
                f"{self._path(table)}: record {token!r} is missing; fetch the tables again"
            ) from error

    def scene(self, name: str) -> Record:
        """The scene with this name.

        Raises:
            InputError: There is none.
        """
        if name not in self.scenes:
            raise InputError(f"{self._path('scene')}: no scene {name!r}; check dataset.version")
        return self.scenes[name]

    def location(self, scene_name: str) -> str:
        """Name of the map that a scene was driven on."""
        return str(self.find("log", self.scene(scene_name)["log_token"])["location"])

    def samples(self, scene_name: str) -> list[Record]:
        """The keyframes of a scene in time order."""
        samples = self._samples.get(self.scene(scene_name)["token"], [])
        return sorted(samples, key=lambda record: int(record["timestamp"]))

    def annotations(self, sample_token: str) -> list[Record]:
        """The annotated boxes of a keyframe."""
        return self._annotations.get(sample_token, [])

    def sensor_data(self, sample_token: str) -> dict[str, Record]:
        """LIDAR_TOP's and the cameras' files of a keyframe, by channel."""
        rows = self._sensor_data.get(sample_token, [])
        return {self.sensor_of(record)["channel"]: record for record in rows}

    def sensor_of(self, data: Record) -> Record:
        """The sensor that a file comes from."""
        calibration = self.find("calibrated_sensor", data["calibrated_sensor_token"])
        return self.find("sensor", calibration["sensor_token"])

    def _is_wanted(self, data: Record) -> bool:
        sensor = self.sensor_of(data)
        is_image = sensor["modality"] == "camera" and data["is_key_frame"]
        return bool(sensor["channel"] == LIDAR_CHANNEL or is_image)

    def _path(self, table: str) -> Path:
        return self.root / self.version / f"{table}.json"

    def _rows(self, table: str) -> list[Record]:
        return list(self._by_token[table].values())

    def _read(self, table: str, keep: Callable[[Record], bool]) -> None:
        records = read_table(self._path(table), FIELDS[table], keep)
        self._by_token[table] = {record["token"]: record for record in records}


def read_table(path: Path, fields: tuple[str, ...], keep: Callable[[Record], bool]) -> list[Record]:
    """Read some fields of some records of one JSON table.

    Raises:
        InputError: The table is missing, no JSON list, or lacks a field.
    """

    def slim(record: Record) -> Record | None:
        kept = {field: record[field] for field in fields}
        return kept if keep(kept) else None

    try:
        records = json.loads(path.read_bytes(), object_hook=slim)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: missing; set NUSCENES_ROOT or dataset.root and dataset.version to a "
            "nuScenes database"
        ) from error
    except KeyError as error:
        raise InputError(f"{path}: field {error} is missing; fetch the tables again") from error
    except ValueError as error:
        raise InputError(f"{path}: no valid JSON ({error}); fetch the tables again") from error
    if not isinstance(records, list):
        raise InputError(f"{path}: no list of records; fetch the tables again")
    return [record for record in records if record is not None]


def _grouped(records: list[Record], key: str) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record[key]].append(record)
    return dict(groups)
