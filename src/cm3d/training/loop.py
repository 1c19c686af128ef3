"""A whole training run: step after step, resumable after each."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor
from tqdm import tqdm

from cm3d.errors import InputError
from cm3d.models.centerpoint import CenterPoint, build_centerpoint
from cm3d.models.processes import process
from cm3d.training.batches import Batch
from cm3d.training.copy_paste import Pasting
from cm3d.training.determinism import deterministic
from cm3d.training.frames import TrainingFrame
from cm3d.training.loading import Samples, Step, load_batches, plan_steps
from cm3d.training.recipe import Recipe
from cm3d.training.resume import ResumeFile
from cm3d.training.trainer import Trainer


@dataclass(frozen=True)
class Machinery:
    """What changes nothing but speed.

    Args:
        device: Where to compute.
        loaders: Processes that make samples ahead.
        resume_folder: Where states are kept, for the caller to remove; None keeps none.
        checkpoint_s: At least so long between two states.
        description: Name on the progress bar.
    """

    device: torch.device
    loaders: int = 0
    resume_folder: Path | None = None
    checkpoint_s: float = 60.0
    description: str = "train"


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What a training leaves.

    Args:
        model: The detector, on the CPU, in evaluation mode.
        history: One row per step: epoch, step, lr, loss, norm of the gradient, terms by name.
        waiting: Share of the time that was spent waiting for data.
    """

    model: CenterPoint
    history: list[dict[str, float]]
    waiting: float


def train(
    frames: Sequence[TrainingFrame],
    recipe: Recipe,
    *,
    root: Path,
    machinery: Machinery,
    initial: dict[str, Tensor] | None = None,
    pasting: Pasting | None = None,
) -> TrainedModel:
    """Train a CenterPoint; the same arguments give the same bytes on the same CPU threads.

    Where several processes call it together, each learns from its share of every batch.

    Args:
        frames: What to learn from; a frame may stand in it more than once.
        recipe: How.
        root: Root folder of the data set.
        machinery: On what.
        initial: Weights to start from; None starts from random ones.
        pasting: Objects that frames are filled up with.

    Raises:
        InputError: The loss diverged, a sensor file cannot be read, or a batch is too small to
            be shared.
    """
    model = build_centerpoint(recipe.detector, recipe.seed)
    if initial is not None:
        model.load_state_dict(initial)
    fingerprint = recipe.fingerprint(frames, model.state_dict())
    state = ResumeFile(machinery.resume_folder, fingerprint, machinery.checkpoint_s)
    steps = plan_steps(len(frames), recipe)
    trainer = Trainer(model.to(machinery.device), recipe, len(steps))
    history = state.restore(trainer.parts)
    todo = steps[len(history) :]
    samples = Samples(frames, root, recipe, pasting)
    batches = load_batches(samples, todo, machinery.loaders, machinery.device)
    try:
        with deterministic(), _Progress(steps, len(history), machinery.description) as progress:
            for step, batch in zip(todo, progress.timed(batches), strict=True):
                figures = trainer.step(batch)
                history.append({"epoch": step.epoch, "step": len(history)} | figures)
                progress.show(step, figures["loss"])
                if process() == 0:
                    state.save_if_due(history, trainer.parts)
    except InputError as error:
        raise InputError(f"{error}; {state}") from error
    return TrainedModel(trainer.trained.cpu().eval(), history, progress.waiting)


class _Progress:
    """A bar that counts frames and shows the loss and the share of time spent waiting for data."""

    def __init__(self, steps: Sequence[Step], done: int, description: str) -> None:
        self._bar: tqdm[NoReturn] = tqdm(
            total=sum(len(step.positions) for step in steps),
            initial=sum(len(step.positions) for step in steps[:done]),
            desc=description,
            unit="frame",
            mininterval=1.0,
            disable=None if process() == 0 else True,
        )
        self._start_s, self._waiting_s = time.monotonic(), 0.0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    @property
    def waiting(self) -> float:
        """Share of the time so far that was spent waiting for data."""
        return self._waiting_s / max(time.monotonic() - self._start_s, 1e-9)

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, with the time that each made wait."""
        while True:
            asked_s = time.monotonic()
            batch = next(batches, None)
            self._waiting_s += time.monotonic() - asked_s
            if batch is None:
                return
            yield batch

    def show(self, step: Step, loss: float) -> None:
        """Count a step."""
        self._bar.set_postfix(loss=f"{loss:.3f}", waiting=f"{self.waiting:.0%}", refresh=False)
        self._bar.update(len(step.positions))
