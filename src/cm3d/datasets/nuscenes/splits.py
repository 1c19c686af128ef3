"""Which scenes train and which validate."""

from nuscenes.utils.splits import create_splits_scenes

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.protocol import SPLITS
from cm3d.datasets.splits import FILE, custom_splits
from cm3d.errors import InputError


def scene_names(tables: NuScenesTables) -> dict[str, list[str]]:
    """Scenes of the database by split, `train` and `val`, sorted.

    `splits.json` beside the tables decides where it exists: its splits named `train`, `val`, or
    ending in `_train`, `_val`. Otherwise nuScenes' own splits do; v1.0-mini has its own.

    Raises:
        InputError: No scene of the database is in either split.
    """
    path = tables.root / tables.version / FILE
    named = custom_splits(path) if path.is_file() else _standard_splits(tables.version)
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
