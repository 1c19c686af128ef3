"""Which scenes train and which validate."""

from pathlib import Path

from nuscenes.utils.splits import create_splits_scenes

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.protocol import SPLITS
from cm3d.errors import InputError
from cm3d.params import read_json


def scene_names(tables: NuScenesTables) -> dict[str, list[str]]:
    """Scenes of the database by split, `train` and `val`, sorted.

    `splits.json` beside the tables decides where it exists: its splits named `train`, `val`, or
    ending in `_train`, `_val`. Otherwise nuScenes' own splits do; v1.0-mini has its own.

    Raises:
        InputError: No scene of the database is in either split.
    """
    path = tables.root / tables.version / "splits.json"
    named = _custom_splits(path) if path.is_file() else _standard_splits(tables.version)
    splits = {split: sorted(set(named[split]) & tables.scenes.keys()) for split in SPLITS}
    if not any(splits.values()):
        raise InputError(
            f"{tables.root / tables.version}: no scene of the train or val split; "
            "check dataset.version or write splits.json"
        )
    return splits


def _standard_splits(version: str) -> dict[str, list[str]]:
    prefix = "mini_" if version.endswith("mini") else ""
    scenes = create_splits_scenes()
    return {split: scenes[prefix + split] for split in SPLITS}


def _custom_splits(path: Path) -> dict[str, list[str]]:
    named = read_json(path, "write it anew")
    if not isinstance(named, dict) or not all(map(_is_list_of_names, named.values())):
        raise InputError(f"{path}: not lists of scene names by split; write it anew")
    keys = {split: [k for k in named if k == split or k.endswith(f"_{split}")] for split in SPLITS}
    splits = {split: [scene for k in keys[split] for scene in named[k]] for split in SPLITS}
    if both := set(splits["train"]) & set(splits["val"]):
        raise InputError(f"{path}: scene {min(both)!r} is in train and in val; take it out of one")
    return splits


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
