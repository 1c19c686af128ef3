"""Which scenes train and which validate, where the user says it."""

from pathlib import Path
from typing import Final

from cm3d.datasets.protocol import SPLITS
from cm3d.errors import InputError
from cm3d.params import read_json

FILE: Final = "splits.json"


def custom_splits(path: Path) -> dict[str, list[str]]:
    """Scene names by split of a file: of lists named `train`, `val`, or ending in `_train`, `_val`.

    Raises:
        InputError: It is no such file, or has a scene in both.
    """
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
