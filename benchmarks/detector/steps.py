"""Print the steps per second of one pre-training: `steps.py FRAMES EPOCHS`.

Run as a script with PYTHONPATH at the code that is measured, which may be older than this file: so
it asks of that code only what it has had for long.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.detector.waiting import write_frames
from cm3d.datasets.nuscenes import CARD
from cm3d.params import Params, load_params
from cm3d.sensors.card import Sensors
from cm3d.taxonomy import load_taxonomy
from cm3d.training.loop import Machinery, train
from cm3d.training.recipe import Recipe


def main() -> None:
    """Train for as many epochs as asked; the start of the loader is part of the time."""
    frames, epochs = int(sys.argv[1]), int(sys.argv[2])
    params = load_params()
    schedule = params.pretrain.model_copy(update={"epochs": epochs, "batch_size": 1})
    taxonomy = load_taxonomy(params.taxonomy)
    recipe = Recipe(params.network, taxonomy, schedule, params.training, params.seed)
    with TemporaryDirectory() as folder:
        made = write_frames(Path(folder), frames, recipe)
        sensors = Sensors(Path(folder), CARD.lidar)
        machinery = Machinery(torch.device("cpu"), loaders=1, **cache(params))
        start_s = time.perf_counter()
        train(recipe.build(), made, recipe, sensors=sensors, machinery=machinery)
        total_s = time.perf_counter() - start_s
    print(frames * epochs / total_s)


def cache(params: Params) -> dict[str, Any]:
    """How much of the clouds a loader keeps, where the code knows of that."""
    gb = getattr(params.execution, "cached_clouds_gb", None)
    return {} if gb is None else {"cached_clouds_gb": gb}


if __name__ == "__main__":
    main()
