"""The training loop: AdamW on a one-cycle schedule (CenterPoint), resumable after each epoch."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from cm3d.errors import InputError
from cm3d.models.centerpoint import CenterPoint, build_centerpoint
from cm3d.params import Detector, Schedule
from cm3d.training.batches import Batch, batches_per_epoch, epoch_batches
from cm3d.training.device import deterministic
from cm3d.training.frames import TrainingFrame
from cm3d.training.losses import detection_loss
from cm3d.training.resume import ResumeFile


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
    steps = schedule.epochs * batches_per_epoch(len(frames), schedule)
    trainer = Trainer(model.to(device), detector, schedule, steps)
    state = ResumeFile(resume_folder, _fingerprint(frames, detector, schedule, seed, initial))
    done, history = state.restore(trainer.model, trainer.optimizer, trainer.scheduler)
    bar = tqdm(
        total=schedule.epochs * len(frames),
        initial=done * len(frames),
        desc=description,
        unit="frame",
        mininterval=1.0,
    )
    with deterministic(), bar:
        for epoch in range(done, schedule.epochs):
            batches = epoch_batches(
                frames, root=root, detector=detector, schedule=schedule, seed=seed, epoch=epoch
            )
            for batch in batches:
                history.append({"epoch": epoch, "step": len(history)} | trainer.step(batch))
                bar.update(len(batch.heatmap))
                bar.set_postfix(epoch=epoch, loss=f"{history[-1]['loss']:.3f}", refresh=False)
            state.save(epoch + 1, history, trainer.model, trainer.optimizer, trainer.scheduler)
    state.remove()
    return TrainedModel(trainer.model.cpu().eval(), history)


class Trainer:
    """Model, optimiser and learning rate, and one step of them."""

    def __init__(
        self, model: CenterPoint, detector: Detector, schedule: Schedule, steps: int
    ) -> None:
        """Start a run of so many steps."""
        self.model, self.detector, self.schedule = model, detector, schedule
        self.device = next(model.parameters()).device
        self.optimizer = AdamW(
            model.parameters(), schedule.max_lr, weight_decay=schedule.weight_decay
        )
        self.scheduler = OneCycleLR(
            self.optimizer,
            schedule.max_lr,
            total_steps=steps,
            pct_start=0.4,
            div_factor=10,
        )

    def step(self, batch: Batch) -> dict[str, float]:
        """Learn from one batch; returns the row of the history."""
        self.model.train()
        batch = batch.to(self.device)
        outputs = self.model(batch.points, batch.point_frame, len(batch.heatmap))
        terms = detection_loss(outputs, batch, self.detector)
        loss = torch.stack(list(terms.values())).sum()
        row = {"lr": float(self.scheduler.get_last_lr()[0]), "loss": float(loss.detach())}
        row |= {name: float(term.detach()) for name, term in terms.items()}
        self._stop_if_diverged(row)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.schedule.gradient_clip)
        self.optimizer.step()
        self.scheduler.step()
        return row

    def _stop_if_diverged(self, row: dict[str, float]) -> None:
        if not torch.isfinite(torch.tensor(row["loss"])):
            terms = ", ".join(f"{name} {value:.3g}" for name, value in row.items())
            raise InputError(
                f"training diverged at step {self.scheduler.last_epoch} ({terms}); lower max_lr"
            )


def _fingerprint(
    frames: Sequence[TrainingFrame],
    detector: Detector,
    schedule: Schedule,
    seed: int,
    initial: dict[str, Tensor] | None,
) -> str:
    """Identifies a training, for the state that it leaves behind."""
    content = [detector.model_dump(), schedule.model_dump(), seed, initial is not None]
    digest = 0
    for frame in frames:
        digest = zlib.crc32(f"{frame.sample_token} {len(frame.boxes)}".encode(), digest)
    return json.dumps([*content, digest])
