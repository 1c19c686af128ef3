"""What a data set is to this project: a package of `cm3d.datasets` with a function `open_dataset`.

`download` alone meets it. It writes what the data set says of its files (`DataCard`) and an index
of tables, and no later stage knows which data set it works on. docs/own_data.md writes one.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from cm3d.params import Params
from cm3d.sensors.card import DataCard
from cm3d.tables import Boxes3D, Cameras, Frames, GroundTruth, Lanes, Sweeps
from cm3d.tables.map_areas import MapAreas
from cm3d.taxonomy import Taxonomy

SPLITS: Final = ("train", "val")

# Folders of `data/raw` that stages depend on, each by itself: what a data set that lies elsewhere
# leaves there is a manifest, so that another version of it is noticed.
LIDAR, IMAGES, INSTANCES, MAPS = "lidar", "images", "instances", "maps"


@dataclass(frozen=True, eq=False)
class IndexedScene:
    """All that later stages know of a scene; columns are explained in `cm3d.tables`.

    Args:
        frames: Its keyframes.
        sweeps: Their LiDAR files.
        cameras: Their images.
        ground_truth: Their annotated boxes, of the taxonomy's classes.
        bicycle_racks: Areas within which the nuScenes metric scores no cycles.
    """

    frames: Frames
    sweeps: Sweeps
    cameras: Cameras
    ground_truth: GroundTruth = field(default_factory=GroundTruth.empty)
    bicycle_racks: Boxes3D = field(default_factory=Boxes3D.empty)


class DataSet(Protocol):
    """A data set that is at hand."""

    @property
    def card(self) -> DataCard:
        """How its files become arrays, and who scores it."""
        ...

    @property
    def root(self) -> Path:
        """Folder that the paths in its tables start from."""
        ...

    def scenes(self) -> dict[str, list[str]]:
        """Names of scenes by split, `train` and `val`; a name is fit for a file, and unique.

        Raises:
            InputError: There is none.
        """
        ...

    def scene(self, name: str) -> IndexedScene:
        """Index one scene.

        Raises:
            InputError: A record or file is missing or malformed.
        """
        ...

    def lanes(self, location: str, step_m: float) -> Lanes:
        """Centrelines of one map (`Frames.location`), a point every `step_m`; none without a map.

        Raises:
            InputError: The map is malformed.
        """
        ...

    def map_areas(self, location: str) -> MapAreas:
        """What one map draws on the ground; none without a map, or of layers that it lacks.

        Raises:
            InputError: The map is malformed.
        """
        ...

    def notes(self, locations: Iterable[str]) -> list[str]:
        """What is missing and can be done without, a line each, as maps of some locations."""
        ...


class OpenDataSet(Protocol):
    """The function `open_dataset` of a guest."""

    def __call__(self, params: Params, taxonomy: Taxonomy, raw: Path) -> DataSet:
        """Make the data set ready: check, fetch or simulate it.

        Args:
            params: All parameters; `dataset` says where it is and what is wanted of it.
            taxonomy: Classes of its ground truth.
            raw: Folder to become `data/raw`, where it may stand unfinished. Its subfolders are
                filled, with files or with a manifest (see `write_manifests`).

        Raises:
            InputError: It is not there, or not whole; the message says how to get it.
        """
        ...


def guests() -> Sequence[str]:
    """Names of the data sets: packages beside this file."""
    folder = Path(__file__).parent
    names = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
    return [name for name in names if find_spec(f"cm3d.datasets.{name}")]


def parts_of_raw(version: str) -> tuple[str, ...]:
    """Folders of `data/raw` by `dataset.version`."""
    return (version, LIDAR, IMAGES, INSTANCES, MAPS)


def write_manifests(raw: Path, version: str, content: Any) -> None:
    """Write what identifies a data set that stays where it is into all parts of `data/raw`.

    Args:
        raw: As of `OpenDataSet`.
        version: `dataset.version`, the folder of its metadata.
        content: For JSON; another one stands for another state of the data.
    """
    for part in parts_of_raw(version):
        path = raw / part / "manifest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n")
