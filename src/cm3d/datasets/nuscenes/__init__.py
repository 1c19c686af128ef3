"""nuScenes, and every data set in its format."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Final

from cm3d.datasets.nuscenes.annotations import unknown_attributes, unknown_categories
from cm3d.datasets.nuscenes.checks import check_tables, metadata_manifest, missing_maps
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.lanes import index_lanes
from cm3d.datasets.nuscenes.map_areas import index_map_areas
from cm3d.datasets.nuscenes.maps import MapExpansion, read_map
from cm3d.datasets.nuscenes.mini import fetch
from cm3d.datasets.nuscenes.scenes import index_scene
from cm3d.datasets.nuscenes.splits import scene_names
from cm3d.datasets.protocol import IndexedScene, write_manifests
from cm3d.params import Params, data_root
from cm3d.sensors.card import DataCard, ImageFormat, LidarFormat
from cm3d.tables import Lanes
from cm3d.tables.map_areas import MapAreas
from cm3d.taxonomy import Taxonomy

CARD: Final = DataCard(
    name="nuscenes",
    embedded=False,
    scorer="nuscenes",
    lidar=LidarFormat(
        file="binary",
        dtype="float32",
        columns=("x", "y", "z", "intensity", "ring"),
        full_intensity=255.0,
    ),
    images=ImageFormat(model="pinhole"),
)


@dataclass(frozen=True)
class NuScenes:
    """A database in nuScenes' format; meets `protocol.DataSet`.

    Args:
        root: Its root folder.
        version: Folder of its tables, such as `v1.0-mini`.
        past_sweeps: Sweeps listed per keyframe besides itself.
        taxonomy: Classes of the ground truth.
        card: What it says of its files.
    """

    root: Path
    version: str
    past_sweeps: int
    taxonomy: Taxonomy
    card: DataCard = CARD

    @cached_property
    def _tables(self) -> NuScenesTables:
        return NuScenesTables(self.root, self.version)

    @cached_property
    def _map(self) -> Callable[[str], MapExpansion]:
        """One map by its location; the last one is kept, as lanes and areas are asked in turn."""
        return lru_cache(maxsize=1)(partial(read_map, self.root))

    def scenes(self) -> dict[str, list[str]]:
        """Names of scenes by split."""
        return scene_names(self._tables)

    def scene(self, name: str) -> IndexedScene:
        """Index one scene."""
        return index_scene(self._tables, name, self.past_sweeps, self.taxonomy)

    def lanes(self, location: str, step_m: float) -> Lanes:
        """Centrelines of one map."""
        return index_lanes(self._map(location), step_m)

    def map_areas(self, location: str) -> MapAreas:
        """What one map draws on the ground."""
        return index_map_areas(self._map(location))

    def notes(self, locations: Iterable[str]) -> list[str]:
        """What is missing or left out, and can be done without."""
        notes = (
            missing_maps(self.root, locations),
            unknown_categories(self._tables, self.taxonomy),
            unknown_attributes(self._tables, self.taxonomy),
        )
        return [note for note in notes if note]


def open_dataset(params: Params, taxonomy: Taxonomy, raw: Path) -> NuScenes:
    """Check that the metadata is there, having fetched v1.0-mini on request, and identify it."""
    dataset = params.dataset
    root = data_root(dataset, must_exist=not dataset.fetch)
    if dataset.fetch:
        fetch(root, dataset.version)
    check_tables(root, dataset.version)
    manifest = metadata_manifest(root, dataset.version)
    write_manifests(raw, dataset.version, manifest)
    return NuScenes(root, dataset.version, dataset.past_sweeps, taxonomy)
