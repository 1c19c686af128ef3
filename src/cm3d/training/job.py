"""One training from labels to files, as each of its processes runs it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, distributed

from cm3d.models.processes import process, processes
from cm3d.params import CopyPaste
from cm3d.training.bank_files import build_bank, open_bank
from cm3d.training.checkpoint import save_model
from cm3d.training.copy_paste import Pasting
from cm3d.training.frames import TrainingFrame
from cm3d.training.loop import Machinery, train
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
        root: Root folder of the data set.
        folder: Of this training alone; afterwards it holds `MODEL`, a folder, and `HISTORY`.
        copy_paste: What is pasted, where the schedule asks for it.
        initial: Weights to start from; None starts from random ones.
        loaders: Processes that make samples ahead, per process of the training.
        checkpoint_s: At least so long between two states.
    """

    title: str
    frames: list[TrainingFrame]
    recipe: Recipe
    root: Path
    folder: Path
    copy_paste: CopyPaste
    initial: dict[str, Tensor] | None = None
    loaders: int = 0
    checkpoint_s: float = 60.0

    def __call__(self, device: torch.device) -> None:
        """Train; the first process writes.

        Raises:
            InputError: The loss diverged, a sensor file cannot be read, or the folder not written.
        """
        trained = train(
            self.frames,
            self.recipe,
            root=self.root,
            machinery=Machinery(
                device, self.loaders, self.folder / "state", self.checkpoint_s, self.title
            ),
            initial=self.initial,
            pasting=self._pasting() if self.recipe.schedule.copy_paste else None,
        )
        if process() == 0:
            save_model(self.folder / MODEL, trained.model, self.recipe.detector)
            (self.folder / HISTORY).write_text(json.dumps(trained.history))

    def _pasting(self) -> Pasting:
        """Objects of the labels, cut out by the first process while the others wait."""
        folder = self.folder / "objects"
        if process() == 0:
            build_bank(
                self.frames,
                root=self.root,
                detector=self.recipe.detector,
                min_points=self.copy_paste.min_points,
                folder=folder,
                description=f"{self.title}: objects",
            )
        if processes() > 1:
            distributed.barrier()
        return Pasting(open_bank(folder), self.copy_paste)
