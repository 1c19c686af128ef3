"""One training from labels to files, as each of its processes runs it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, distributed

from cm3d.detectors.protocol import Needs
from cm3d.detectors.ranks import rank, ranks
from cm3d.execution.files import write_whole
from cm3d.geometry.ground_map import GroundMap
from cm3d.params import CopyPaste
from cm3d.sensors.card import Sensors
from cm3d.training.checkpoint import load_model, save_model
from cm3d.training.copy_paste import Pasting
from cm3d.training.frames import TrainingFrame
from cm3d.training.images import rig_of
from cm3d.training.loop import Machinery, train
from cm3d.training.object_bank import build_bank, open_bank
from cm3d.training.recipe import Recipe

MODEL: Final = "model"
HISTORY: Final = "history.json"


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """What a training is given, and where it leaves what it makes.

    Args:
        title: Name on progress bars.
        frames: What to learn from; a frame may stand in it more than once.
        recipe: How.
        sensors: Sensor files of the frames.
        folder: Of this training alone; afterwards it holds `MODEL`, a folder, and `HISTORY`.
        copy_paste: What is pasted, where the schedule asks for it.
        initial: Weights to start from; None starts from random ones.
        loaders: Processes that make samples ahead, per process of the training.
        cached_clouds_gb: LiDAR clouds that each of them keeps in memory.
        checkpoint_s: At least so long between two states.
        ground_maps: See `train`, as the next one.
        max_unreadable: Share of the images.
    """

    title: str
    frames: list[TrainingFrame]
    recipe: Recipe
    sensors: Sensors
    folder: Path
    copy_paste: CopyPaste
    initial: dict[str, Tensor] | None = None
    loaders: int = 0
    cached_clouds_gb: float = 0.0
    checkpoint_s: float = 60.0
    ground_maps: Mapping[str, GroundMap] | None = None
    max_unreadable: float = 1.0

    def __call__(self, device: torch.device) -> None:
        """Train; the first process writes.

        Raises:
            InputError: The loss diverged, a sensor file cannot be read, or the folder not written.
        """
        model, recipe = self.recipe.build(), self.recipe
        model.begin(self.initial)
        model.rig = rig_of(self.frames)
        trained = train(
            model,
            self.frames,
            recipe,
            sensors=self.sensors,
            machinery=Machinery(
                device,
                loaders=self.loaders,
                cached_clouds_gb=self.cached_clouds_gb,
                resume_folder=self.folder / "state",
                checkpoint_s=self.checkpoint_s,
                description=self.title,
            ),
            pasting=self._pasting(model.needs) if recipe.schedule.copy_paste else None,
            ground_maps=self.ground_maps,
            max_unreadable=self.max_unreadable,
        )
        if rank() == 0:
            folder = self.folder / MODEL
            save_model(folder, trained.model, recipe.detector, recipe.taxonomy)
            write_whole(self.folder / HISTORY, json.dumps(trained.history).encode())
        _wait_for_all()

    @property
    def is_done(self) -> bool:
        """Whether it has been run to its end."""
        return (self.folder / HISTORY).is_file()

    @property
    def history(self) -> list[dict[str, float]]:
        """One row per step, see `TrainedModel`."""
        rows: list[dict[str, float]] = json.loads((self.folder / HISTORY).read_text())
        return rows

    def trained_weights(self) -> dict[str, Tensor]:
        """What it has learned.

        Raises:
            InputError: The file cannot be read.
        """
        model = load_model(self.folder / MODEL, self.recipe.detector, self.recipe.taxonomy)
        return model.state_dict()

    def _pasting(self, needs: Needs) -> Pasting:
        """Objects of the labels, cut out by the first process while the others wait."""
        folder = self.folder / "objects"
        if rank() == 0:
            build_bank(
                self.frames,
                sensors=self.sensors,
                needs=needs,
                min_points=self.copy_paste.min_points,
                folder=folder,
                description=f"{self.title}: objects",
            )
        _wait_for_all()
        rows = self.recipe.taxonomy.classes
        wanted = np.array([rows[name].pasted for name in needs.class_names])
        return Pasting(open_bank(folder), wanted)


def _wait_for_all() -> None:
    """What the first process writes is there for all of them."""
    if ranks() > 1:
        distributed.barrier()
