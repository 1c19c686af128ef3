"""How long a training waits for data, by the number of processes that make samples."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from benchmarks.detector.clouds import labels, sweep
from benchmarks.detector.ours import sensor_boxes
from cm3d.datasets.nuscenes import CARD
from cm3d.geometry.se3 import SE3
from cm3d.params import Params
from cm3d.sensors.card import Sensors
from cm3d.tables import Boxes3D, Sweeps
from cm3d.taxonomy import load_taxonomy
from cm3d.training.frames import TrainingFrame, to_global
from cm3d.training.loop import Machinery, train
from cm3d.training.recipe import Recipe

LOADERS: Final = (0, 1, 2)
_HERE: Final = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Waiting:
    """What was measured of one training.

    Args:
        loaders: Processes that make samples.
        share: Of the time, spent waiting for data.
        frames_per_s: Of the whole training, its start included.
    """

    loaders: int
    share: float
    frames_per_s: float


def measured(
    params: Params, frames: int, epochs: int, folder: Path, device: torch.device
) -> Iterator[Waiting]:
    """One pre-training after the other, each with more processes.

    Args:
        params: What is trained and how.
        frames: How many an epoch has.
        epochs: Of each; few are mostly the start of the processes.
        folder: Where their sweeps are written.
        device: Where to compute.
    """
    schedule = params.pretrain.model_copy(update={"epochs": epochs})
    taxonomy = load_taxonomy(params.taxonomy)
    recipe = Recipe(params.network, taxonomy, schedule, params.training, params.seed)
    made, sensors = write_frames(folder, frames, recipe), Sensors(folder, CARD.lidar)
    for loaders in LOADERS:
        start_s = time.perf_counter()
        machinery = Machinery(device, loaders)
        trained = train(recipe.build(), made, recipe, sensors=sensors, machinery=machinery)
        total_s = time.perf_counter() - start_s
        yield Waiting(loaders, trained.waiting, frames * recipe.epochs / total_s)


def write_frames(folder: Path, frames: int, recipe: Recipe) -> list[TrainingFrame]:
    """Keyframes with random boxes; all sweeps are one, in files of their own."""
    stored = sweep(np.random.default_rng(0))
    stored[:, 3] *= CARD.lidar.full_intensity
    made = []
    for frame in range(frames):
        sweeps = _sweeps(str(frame), recipe.detector.sweeps)
        for name in sweeps.path:
            stored.tofile(folder / str(name))
        made.append(TrainingFrame(str(frame), sweeps, _boxes(frame, recipe)))
    return made


def _sweeps(token: str, count: int) -> Sweeps:
    index = np.arange(count)
    return Sweeps(
        sample_token=np.full(count, token, dtype=object),
        sweep_index=index,
        path=np.array([f"{token}_{each}.bin" for each in index], dtype=object),
        time_lag_s=0.05 * index,
        global_SE3_lidar=np.tile(_HERE, (count, 1)),
    )


def _boxes(frame: int, recipe: Recipe) -> Boxes3D:
    names = recipe.taxonomy.class_names
    boxes = sensor_boxes(labels(frame, len(names), recipe.detector.range_m))
    return to_global(boxes, str(frame), SE3.from_pose(np.array(_HERE)), names)
