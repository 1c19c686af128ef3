"""A whole training run: step after step, resumable after each."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cm3d.detectors.inputs import Batch
from cm3d.detectors.protocol import Detector
from cm3d.detectors.ranks import rank
from cm3d.errors import InputError
from cm3d.execution.progress import Progress
from cm3d.geometry.ground_map import GroundMap
from cm3d.sensors.card import Sensors
from cm3d.training.copy_paste import Pasting
from cm3d.training.determinism import deterministic
from cm3d.training.frames import TrainingFrame
from cm3d.training.images import UnreadableImages
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
        cached_clouds_gb: LiDAR clouds that each of them keeps in memory.
        resume_folder: Where states are kept, for the caller to remove; None keeps none.
        checkpoint_s: At least so long between two states.
        description: Name on the progress bar.
    """

    device: torch.device
    loaders: int = 0
    cached_clouds_gb: float = 0.0
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

    model: Detector
    history: list[dict[str, float]]
    waiting: float


def train(
    model: Detector,
    frames: Sequence[TrainingFrame],
    recipe: Recipe,
    *,
    sensors: Sensors,
    machinery: Machinery,
    pasting: Pasting | None = None,
    ground_maps: Mapping[str, GroundMap] | None = None,
    max_unreadable: float = 1.0,
) -> TrainedModel:
    """Train a detector; the same arguments give the same bytes on the same CPU threads.

    Where several processes call it together, each learns from its share of every batch.

    Args:
        model: With the weights to start from; it is changed.
        frames: What to learn from; a frame may stand in it more than once.
        recipe: How.
        sensors: Sensor files of the frames.
        machinery: On what.
        pasting: Objects that frames are filled up with.
        ground_maps: Of their locations, where the detector learns what these draw.
        max_unreadable: Share of the images that may be unreadable.

    Raises:
        InputError: The loss diverged, a sensor file or too many images cannot be read, or a batch
            is too small to be shared.
    """
    fingerprint = recipe.fingerprint(frames, model.state_dict())
    state = ResumeFile(machinery.resume_folder, fingerprint, machinery.checkpoint_s)
    steps = plan_steps(len(frames), recipe)
    trainer = Trainer(model.to(machinery.device), recipe, len(steps))
    history = state.restore(trainer.parts)
    if history and rank() == 0:
        epoch = steps[len(history) - 1].epoch + 1
        print(
            f"note: {machinery.description}: goes on after step {len(history)} of {len(steps)}, in "
            f"epoch {epoch} of {recipe.epochs}",
            flush=True,
        )
    todo = steps[len(history) :]
    cache_bytes = int(machinery.cached_clouds_gb * 1e9)
    samples = Samples(frames, sensors, model.needs, recipe, pasting, cache_bytes, ground_maps)
    unreadable = UnreadableImages(frames, max_unreadable)
    batches = load_batches(samples, todo, machinery.loaders, machinery.device)
    try:
        with deterministic(), _Progress(steps, len(history), machinery.description) as progress:
            for step, batch in zip(todo, progress.timed(batches), strict=True):
                unreadable.add(batch.unreadable)
                figures = trainer.step(batch)
                history.append({"epoch": step.epoch, "step": len(history)} | figures)
                progress.show(step, figures["loss"])
                if rank() == 0:
                    state.save_if_due(history, trainer.parts)
    except InputError as error:
        raise InputError(f"{error}; {state}") from error
    unreadable.say(machinery.description)
    return TrainedModel(trainer.trained.cpu().eval(), history, progress.waiting)


class _Progress:
    """Counts frames, and shows the loss and the share of time spent waiting for data."""

    def __init__(self, steps: Sequence[Step], done: int, description: str) -> None:
        counts = [len(step.positions) for step in steps]
        self._said = Progress(
            description, sum(counts), "frame", done=sum(counts[:done]), quiet=rank() != 0
        )
        self._start_s, self._waiting_s = time.monotonic(), 0.0

    def __enter__(self) -> "_Progress":
        self._said.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._said.__exit__(*error)

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
        self._said.add(len(step.positions), f"loss {loss:.3f}, waiting {self.waiting:.0%}")
