"""nuScenes' JSON tables, read once and checked.

The devkit's own reader keeps every field of every sensor; an index needs LIDAR_TOP and the
keyframe images, so the rest is dropped while it is parsed.
"""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cm3d.datasets.nuscenes.fields import Field
from cm3d.datasets.nuscenes.links import (
    check_annotations,
    check_keyframes,
    check_scenes,
    check_sweeps,
)
from cm3d.datasets.nuscenes.records import Record, check_fields, check_references, read_table
from cm3d.datasets.nuscenes.schema import FIELDS, MAY_BE_EMPTY, OF_IMAGES, OF_SWEEPS
from cm3d.errors import InputError

LIDAR_CHANNEL: Final = "LIDAR_TOP"


class NuScenesTables:
    """The tables of one version below a nuScenes root.

    Args:
        root: Root folder of the data set.
        version: Folder of the tables, such as `v1.0-mini`.

    Raises:
        InputError: A table is missing, cut short or empty, a record lacks a field, a value is none,
            or records contradict each other; the message names table, record and field.
    """

    def __init__(self, root: Path, version: str) -> None:
        """Read, check and group the tables."""
        self.root, self.version = root, version
        self._by_token: dict[str, dict[str, Record]] = {}
        for table in FIELDS:
            if table not in ("sample_data", "ego_pose"):
                self._read(table, lambda record: True)
        self._check_references("calibrated_sensor")
        self._read("sample_data", self._may_be_wanted)
        poses = {record["ego_pose_token"] for record in self._rows("sample_data")}
        self._read("ego_pose", lambda record: _may_be_in(record["token"], poses))
        for table in FIELDS:
            self._check_references(table)
        keyframes = [record for record in self._rows("sample_data") if record["is_key_frame"]]
        self._check_links(keyframes)
        self.scenes = {record["name"]: record for record in self._rows("scene")}
        self._samples = _grouped(self._rows("sample"), "scene_token")
        self._annotations = _grouped(self._rows("sample_annotation"), "sample_token")
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

    def attribute(self, annotation: Record) -> str:
        """The name of an annotation's attribute; empty where it has none."""
        tokens = annotation["attribute_tokens"]
        return str(self.find("attribute", tokens[0])["name"]) if tokens else ""

    def annotated_attributes(self) -> list[str]:
        """The attribute of every annotated box."""
        return [self.attribute(record) for record in self._rows("sample_annotation")]

    def annotated_categories(self) -> list[str]:
        """The category of every annotated box."""
        instances, categories = self._by_token["instance"], self._by_token["category"]
        name_of = {
            token: str(categories[record["category_token"]]["name"])
            for token, record in instances.items()
        }
        return [name_of[record["instance_token"]] for record in self._rows("sample_annotation")]

    def sensor_data(self, sample_token: str) -> dict[str, Record]:
        """LIDAR_TOP's and the cameras' files of a keyframe, by channel."""
        rows = self._sensor_data.get(sample_token, [])
        return {self.sensor_of(record)["channel"]: record for record in rows}

    def sensor_of(self, data: Record) -> Record:
        """The sensor that a file comes from."""
        calibration = self.find("calibrated_sensor", data["calibrated_sensor_token"])
        return self.find("sensor", calibration["sensor_token"])

    def _may_be_wanted(self, data: Record) -> bool:
        """Whether a file is read; also where that cannot be told, so that it is checked."""
        token = data["calibrated_sensor_token"]
        if type(token) is not str or token not in self._by_token["calibrated_sensor"]:
            return True
        sensor = self.sensor_of(data)
        is_image = sensor["modality"] == "camera" and data["is_key_frame"]
        return bool(sensor["channel"] == LIDAR_CHANNEL or is_image)

    def _check_links(self, keyframes: list[Record]) -> None:
        """Check what records say together."""
        path, folder = self._path("sample_data"), self.root / self.version
        sweeps: list[Record] = []
        images: list[Record] = []
        for record in self._rows("sample_data"):
            is_sweep = self.sensor_of(record)["channel"] == LIDAR_CHANNEL
            (sweeps if is_sweep else images).append(record)
        check_fields(path, images, OF_IMAGES)
        check_fields(path, sweeps, OF_SWEEPS)
        check_references(path, sweeps, OF_SWEEPS, self._by_token)
        check_scenes(folder, self._by_token)
        channels = [str(self.sensor_of(record)["channel"]) for record in keyframes]
        check_keyframes(path, keyframes, channels, self._by_token)
        check_sweeps(path, sweeps, self._by_token)
        check_annotations(self._path("sample_annotation"), self._by_token)

    def _path(self, table: str) -> Path:
        return self.root / self.version / f"{table}.json"

    def _rows(self, table: str) -> list[Record]:
        return list(self._by_token[table].values())

    def _read(self, table: str, keep: Callable[[Record], bool]) -> None:
        path, fields = self._path(table), FIELDS[table]
        required = [name for name, field in fields.items() if not field.optional]
        optional = [name for name, field in fields.items() if field.optional]
        records = read_table(path, required, keep, optional)
        if not records and table not in MAY_BE_EMPTY:
            raise InputError(f"{path}: no record that is of use; fetch the tables again")
        check_fields(path, records, _of_all(table))
        self._by_token[table] = {record["token"]: record for record in records}

    def _check_references(self, table: str) -> None:
        fields = _of_all(table)
        check_references(self._path(table), self._rows(table), fields, self._by_token)


def _of_all(table: str) -> dict[str, Field]:
    """The fields of a table that are checked in all of its records."""
    of_some = {*OF_IMAGES, *OF_SWEEPS} if table == "sample_data" else set()
    return {name: field for name, field in FIELDS[table].items() if name not in of_some}


def _may_be_in(token: object, tokens: set[str]) -> bool:
    return type(token) is not str or token == "" or token in tokens


def _grouped(records: list[Record], key: str) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record[key]].append(record)
    return dict(groups)
