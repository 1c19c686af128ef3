"""PandaSet as Hesai and Scale AI publish it; docs/pandaset.md."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from cm3d.datasets.pandaset.conversion import COLUMNS, FULL_INTENSITY, Places, convert
from cm3d.datasets.pandaset.drives import Drive, find_drives
from cm3d.datasets.pandaset.scenes import index_drive
from cm3d.datasets.protocol import IndexedScene, write_manifests
from cm3d.datasets.splits import FILE, custom_splits
from cm3d.errors import InputError
from cm3d.execution.scenes import map_scenes
from cm3d.params import Params, data_root
from cm3d.sensors.card import DataCard, ImageFormat, LidarFormat
from cm3d.tables import Lanes
from cm3d.tables.map_areas import MapAreas
from cm3d.taxonomy import Taxonomy

CARD: Final = DataCard(
    name="pandaset",
    embedded=False,
    scorer="nuscenes",
    lidar=LidarFormat(
        file="binary", dtype="float32", columns=COLUMNS, full_intensity=FULL_INTENSITY
    ),
    images=ImageFormat(model="pinhole"),
)

# Sweeps from one keyframe to the next, by `dataset.version`.
STEPS: Final = {"2hz": 5, "10hz": 1}

_VALIDATE: Final = ("0", "5")  # last digits of sequences; PandaSet has no split of its own (ours)
_LISTED: Final = 5


@dataclass(frozen=True, eq=False)
class PandaSet:
    """Sequences whose sweeps are converted; meets `protocol.DataSet`.

    Args:
        drives: Sequences by name.
        splits: Names by split.
        places: Where converted sweeps are.
        step: Sweeps from one keyframe to the next.
        past_sweeps: Sweeps listed per keyframe besides itself.
        taxonomy: Classes of the ground truth.
        left_out: Boxes of other labels by sequence, of those that are indexed.
        card: What it says of its files.
    """

    drives: Mapping[str, Drive]
    splits: Mapping[str, list[str]]
    places: Places
    step: int
    past_sweeps: int
    taxonomy: Taxonomy
    left_out: dict[str, Counter[str]] = field(default_factory=dict)
    card: DataCard = CARD

    @property
    def root(self) -> Path:
        """Folder that paths start from."""
        return self.places.root

    def scenes(self) -> dict[str, list[str]]:
        """Names of sequences by split."""
        return dict(self.splits)

    def scene(self, name: str) -> IndexedScene:
        """Index one sequence."""
        (split,) = (split for split, names in self.splits.items() if name in names)
        scene, self.left_out[name] = index_drive(
            self.drives[name], split, self.step, self.past_sweeps, self.places, self.taxonomy
        )
        return scene

    def lanes(self, location: str, step_m: float) -> Lanes:
        """None: there is no map."""
        return Lanes.empty()

    def map_areas(self, location: str) -> MapAreas:
        """None."""
        return MapAreas.empty()

    def notes(self, locations: Iterable[str]) -> list[str]:
        """What is left out, and can be done without."""
        notes = []
        bare = [name for name, drive in self.drives.items() if not drive.has_boxes()]
        if bare:
            notes.append(
                f"{len(bare)} of {len(self.drives)} sequences have no annotations/cuboids, so that "
                f"nothing is scored or fine-tuned there: {', '.join(bare[:_LISTED])}"
            )
        if counts := sum(self.left_out.values(), Counter[str]()):
            most = ", ".join(f"{name} ({count})" for name, count in counts.most_common(_LISTED))
            notes.append(
                f"{counts.total()} boxes of {len(counts)} labels are of no class of taxonomy "
                f"{self.taxonomy.name} and left out: {most}"
            )
        return notes


def open_dataset(params: Params, taxonomy: Taxonomy, raw: Path) -> PandaSet:
    """Find the sequences and convert the sweeps of those that are not: once for all experiments."""
    dataset = params.dataset
    if dataset.fetch:
        raise InputError(
            "dataset.fetch: PandaSet has no public address; get it from https://pandaset.org and "
            "set dataset.fetch to false"
        )
    if dataset.version not in STEPS:
        raise InputError(
            f"dataset.version: {dataset.version!r} is no version of pandaset; set 2hz (every fifth "
            "sweep is a keyframe, as in nuScenes) or 10hz (every sweep)"
        )
    root = data_root(dataset)
    drives = {drive.name: drive for drive in find_drives(root)}
    splits = _splits(root, drives)
    chosen = {name: drives[name] for names in splits.values() for name in names}
    places = Places(root)
    map_scenes(partial(convert, drives=chosen, places=places), chosen, params.execution, "convert")
    sources = {name: drive.identity() for name, drive in chosen.items()}
    write_manifests(raw, dataset.version, {"splits": splits, "sequences": sources})
    step = STEPS[dataset.version]
    return PandaSet(chosen, splits, places, step, dataset.past_sweeps, taxonomy)


def _splits(root: Path, drives: Mapping[str, Drive]) -> dict[str, list[str]]:
    """Names by split: of `splits.json` where it exists, else by the last digit."""
    path = root / FILE
    if not path.is_file():
        is_val = {name: name.endswith(_VALIDATE) for name in drives}
        return {
            "train": [name for name in drives if not is_val[name]],
            "val": [name for name in drives if is_val[name]],
        }
    named = custom_splits(path)
    splits = {split: sorted(set(names) & drives.keys()) for split, names in named.items()}
    if not any(splits.values()):
        raise InputError(f"{path}: names no sequence of {root}; correct it or take it away")
    return splits
