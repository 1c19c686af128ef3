"""Where the data set lies."""

import os
from pathlib import Path

from cm3d import params
from cm3d.errors import InputError
from cm3d.tables import layout


def dataset_root(dataset: params.Dataset) -> Path:
    """Root folder of the data set.

    The simulated one is an output of this project, so its root is relative to the current
    folder. nuScenes is looked for in `dataset.root`, `$NUSCENES_ROOT` and `data/nuscenes` in
    this order; relative paths start at `$DVC_ROOT`, the workspace that data lies in even where
    DVC runs an experiment in a temporary copy.

    Raises:
        InputError: nuScenes is not there and `dataset.fetch` does not ask for it.
    """
    if dataset.name == "sim":
        return Path(dataset.root) if dataset.root else layout.RAW
    named = dataset.root or os.environ.get("NUSCENES_ROOT")
    root = Path(os.environ.get("DVC_ROOT", ".")) / Path(named or "data/nuscenes").expanduser()
    if not root.is_dir() and not dataset.fetch:
        raise InputError(
            f"{root}: no nuScenes there; set NUSCENES_ROOT or dataset.root to its folder, "
            "or dataset.fetch to download v1.0-mini"
        )
    return root
