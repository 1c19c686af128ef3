"""A whole training run: epochs of steps, resumable after each epoch."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor
from tqdm import tqdm

from cm3d.models.centerpoint import CenterPoint, build_centerpoint
from cm3d.params import Detector, Schedule
from cm3d.training.batches import Batch, batches_per_epoch, epoch_batches
from cm3d.training.determinism import deterministic
from cm3d.training.frames import TrainingFrame
from cm3d.training.resume import ResumeFile
from cm3d.training.trainer import Trainer


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What a training leaves.

    Args:
        model: The detector, on the CPU, in evaluation mode.
        history: One row per step: epoch, step, lr, loss and its terms by name.
    """

    model: CenterPoint
    history: list[dict[str, float]]


def train(
    frames: Sequence[TrainingFrame],
    *,
    root: Path,
    detector: Detector,
    schedule: Schedule,
    seed: int,
    device: torch.device,
    initial: dict[str, Tensor] | None = None,
    resume_folder: Path | None = None,
    description: str = "train",
) -> TrainedModel:
    """Train a CenterPoint; the same arguments give the same bytes on the same CPU threads.

    Args:
        frames: What to learn from; a frame may stand in it more than once.
        root: Root folder of the data set.
        detector: Shapes and losses.
        schedule: Optimiser and augmentation.
        seed: Of the random weights, the order and the augmentation.
        device: Where to compute.
        initial: Weights to start from; None starts from random ones.
        resume_folder: Where the state after each epoch is kept until the training ends.
        description: Name on the progress bar.

    Raises:
        InputError: The loss diverged, or a sensor file cannot be read.
    """
    model = build_centerpoint(detector, seed)
    if initial is not None:
        model.load_state_dict(initial)
    state = ResumeFile(resume_folder, _fingerprint(frames, detector, schedule, seed, model))
    steps = schedule.epochs * batches_per_epoch(len(frames), schedule)
    trainer = Trainer(model.to(device), detector, schedule, steps)
    done, history = state.restore(trainer.parts)
    with deterministic(), _progress(schedule.epochs, done, len(frames), description) as bar:
        for epoch in range(done, schedule.epochs):
            batches = epoch_batches(
                frames, root=root, detector=detector, schedule=schedule, seed=seed, epoch=epoch
            )
            for figures in _steps(trainer, batches, bar):
                history.append({"epoch": epoch, "step": len(history)} | figures)
            state.save(epoch + 1, history, trainer.parts)
    state.remove()
    return TrainedModel(trainer.model.cpu().eval(), history)


def _steps(
    trainer: Trainer, batches: Iterator[Batch], bar: "tqdm[NoReturn]"
) -> Iterator[dict[str, float]]:
    """Learn batch after batch, showing the loss."""
    for batch in batches:
        figures = trainer.step(batch)
        bar.set_postfix(loss=f"{figures['loss']:.3f}", refresh=False)
        bar.update(len(batch.heatmap))
        yield figures


def _progress(epochs: int, done: int, frames: int, description: str) -> "tqdm[NoReturn]":
    return tqdm(
        total=epochs * frames,
        initial=done * frames,
        desc=description,
        unit="frame",
        mininterval=1.0,
    )


def _fingerprint(
    frames: Sequence[TrainingFrame],
    detector: Detector,
    schedule: Schedule,
    seed: int,
    model: CenterPoint,
) -> str:
    """Identifies a training, for the state that it leaves behind."""
    digest = 0
    for frame in frames:
        digest = zlib.crc32(frame.sample_token.encode(), digest)
        digest = zlib.crc32(frame.boxes.center_m.tobytes(), digest)
    for weight in model.state_dict().values():
        digest = zlib.crc32(weight.contiguous().numpy().tobytes(), digest)
    return json.dumps([detector.model_dump(), schedule.model_dump(), seed, digest])
