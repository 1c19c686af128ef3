"""Which scenes train, which validate, and in which order train frames get labels."""

import json
import zlib
from pathlib import Path

import numpy as np
from nuscenes.utils.splits import create_splits_scenes

from cm3d.datasets.database import NuScenesTables
from cm3d.errors import InputError

SPLITS = ("train", "val")


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


def label_ranks(tables: NuScenesTables, seed: int) -> dict[str, float]:
    """Position of every train keyframe in the random order in which frames get labels.

    The order is drawn over the whole data set, uniformly, and shares of it are nested: the
    labelled part for K% is `rank < K / 100`.

    Returns:
        Rank in [0, 1) by sample token.
    """
    train = scene_names(tables)["train"]
    tokens = sorted(sample["token"] for name in train for sample in tables.samples(name))
    generator = np.random.default_rng([seed, zlib.crc32(b"label_rank")])
    order = generator.permutation(len(tokens))
    return {token: int(rank) / len(tokens) for token, rank in zip(tokens, order, strict=True)}


def _standard_splits(version: str) -> dict[str, list[str]]:
    prefix = "mini_" if version.endswith("mini") else ""
    scenes = create_splits_scenes()
    return {split: scenes[prefix + split] for split in SPLITS}


def _custom_splits(path: Path) -> dict[str, list[str]]:
    try:
        named: dict[str, list[str]] = json.loads(path.read_bytes())
        keys = {
            split: [k for k in named if k == split or k.endswith(f"_{split}")] for split in SPLITS
        }
        return {split: [scene for k in keys[split] for scene in named[k]] for split in SPLITS}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not splits of scene names ({error}); write it anew") from error
