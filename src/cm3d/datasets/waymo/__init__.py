"""The Waymo Open Dataset (perception) in its Parquet format, version 2; docs/waymo.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from cm3d.datasets.keyframes import index_keyframes
from cm3d.datasets.protocol import SPLITS, IndexedScene, write_manifests
from cm3d.datasets.waymo.boxes import SCORED
from cm3d.datasets.waymo.conversion import Places, convert
from cm3d.datasets.waymo.lanes import FOLDER, MapFile, find_files, index_lanes, open_map
from cm3d.datasets.waymo.lidar import COLUMNS
from cm3d.datasets.waymo.scenes import keyframes
from cm3d.datasets.waymo.segments import Segment, find_segments, identity
from cm3d.errors import InputError
from cm3d.execution.scenes import map_scenes
from cm3d.params import Params, data_root
from cm3d.sensors.card import DataCard, ImageFormat, LidarFormat
from cm3d.tables import Lanes
from cm3d.tables.map_areas import MapAreas
from cm3d.taxonomy import Taxonomy

CARD: Final = DataCard(
    name="waymo",
    embedded=False,
    scorer="waymo",
    lidar=LidarFormat(file="binary", dtype="float32", columns=COLUMNS, full_intensity=1.0),
    images=ImageFormat(model="pinhole"),
)

# Below the root, of the files that `download` writes there.
CONVERTED: Final = "cm3d"


@dataclass(frozen=True, eq=False)
class Waymo:
    """Segments that are converted; meets `protocol.DataSet`.

    Args:
        segments: By name.
        places: Where their sensor files are.
        past_sweeps: Earlier frames listed per keyframe.
        taxonomy: Classes of the ground truth.
        left_out: Number of frames without any LiDAR row, by segment.
        card: What it says of its files.
        map_files: v1 files, of segments that have one.
    """

    segments: Mapping[str, Segment]
    places: Places
    past_sweeps: int
    taxonomy: Taxonomy
    left_out: Mapping[str, int]
    card: DataCard = CARD
    map_files: Mapping[str, MapFile] = field(default_factory=dict, kw_only=True)

    @property
    def root(self) -> Path:
        """Folder that paths start from."""
        return self.places.root

    def scenes(self) -> dict[str, list[str]]:
        """Names of segments by split."""
        return {
            split: [name for name, segment in self.segments.items() if segment.split == split]
            for split in SPLITS
        }

    def scene(self, name: str) -> IndexedScene:
        """Index one segment."""
        segment = self.segments[name]
        frames = keyframes(segment, self.places, self.taxonomy)
        location = self.location(name)
        return index_keyframes(name, segment.split, frames, self.past_sweeps, location)

    def location(self, name: str) -> str:
        """Map of a segment, which has its name, if its v1 file has lanes: version 2 has no maps."""
        return name if name in self.map_files and self.map_files[name].lanes else ""

    def lanes(self, location: str, step_m: float) -> Lanes:
        """Lanes of vehicles in one segment; none without its v1 file."""
        if location not in self.map_files:
            return Lanes.empty()
        return index_lanes(self.map_files[location].path, location, step_m)

    def map_areas(self, location: str) -> MapAreas:
        """None."""
        return MapAreas.empty()

    def notes(self, locations: Iterable[str]) -> list[str]:
        """What is missing, and can be done without."""
        notes = []
        if bare := [name for name, segment in self.segments.items() if not segment.has_boxes]:
            notes.append(
                f"{len(bare)} of {len(self.segments)} segments have no lidar_box, so that nothing "
                f"is scored or fine-tuned there: {bare[0]}{', ...' if len(bare) > 1 else ''}"
            )
        if strange := [name for name in SCORED if name not in self.taxonomy.category_classes]:
            notes.append(
                f"boxes of type {', '.join(strange)} are of no class of taxonomy "
                f"{self.taxonomy.name} and left out; taxonomy waymo has them"
            )
        if lacking := {name: count for name, count in self.left_out.items() if count}:
            notes.append(
                f"{sum(lacking.values())} frames of {len(lacking)} segments have no LiDAR row and "
                f"are left out: {next(iter(lacking))}{', ...' if len(lacking) > 1 else ''}"
            )
        if self.map_files and (mapless := [n for n in self.segments if not self.location(n)]):
            notes.append(
                f"{len(mapless)} of {len(self.segments)} segments have no file with lanes in "
                f"{FOLDER}, so that headings come from fits and tracks there: {mapless[0]}"
                f"{', ...' if len(mapless) > 1 else ''}"
            )
        return notes


def open_dataset(params: Params, taxonomy: Taxonomy, raw: Path) -> Waymo:
    """Find the segments and convert those that are not: once for all experiments."""
    dataset = params.dataset
    if dataset.fetch:
        raise InputError(
            "dataset.fetch: Waymo's files are given to those who accept its licence; get them from "
            "https://waymo.com/open/download and set dataset.fetch to false"
        )
    root = data_root(dataset)
    segments = {segment.name: segment for segment in find_segments(root)}
    files = find_files(root, segments)
    open_one = partial(open_map, files=files, step_m=dataset.lane_step_m)
    map_files = map_scenes(open_one, files, params.execution, "maps") if files else {}
    places = Places(root, CONVERTED)
    left_out = map_scenes(
        partial(convert, segments=segments, places=places), segments, params.execution, "convert"
    )
    sources = {f"{s.split}/{name}": s.sources() for name, s in segments.items()}
    maps = {FOLDER: {name: identity(path) for name, path in files.items()}} if files else {}
    write_manifests(raw, dataset.version, {"version": dataset.version, "segments": sources, **maps})
    counts = {name: len(times_us) for name, times_us in left_out.items()}
    return Waymo(segments, places, dataset.past_sweeps, taxonomy, counts, map_files=map_files)
