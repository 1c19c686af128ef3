"""One step of training: AdamW on a one-cycle schedule (CenterPoint)."""

import math

import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from cm3d.errors import InputError
from cm3d.models.centerpoint import CenterPoint
from cm3d.params import Detector, Schedule
from cm3d.training.batches import Batch
from cm3d.training.losses import detection_loss
from cm3d.training.resume import Stateful

# The learning rate rises over this share of the steps, from this part of its peak (CenterPoint).
_RISING_SHARE, _START_DIVISOR = 0.4, 10


class Trainer:
    """Model, optimiser and learning rate."""

    def __init__(
        self, model: CenterPoint, detector: Detector, schedule: Schedule, steps: int
    ) -> None:
        """Start a run of so many steps, on the model's device."""
        self.model, self.detector, self.schedule = model, detector, schedule
        self.device = next(model.parameters()).device
        self.optimizer = AdamW(
            model.parameters(), schedule.max_lr, weight_decay=schedule.weight_decay
        )
        self.scheduler = OneCycleLR(
            self.optimizer,
            schedule.max_lr,
            total_steps=steps,
            pct_start=_RISING_SHARE,
            div_factor=_START_DIVISOR,
        )

    @property
    def parts(self) -> dict[str, Stateful]:
        """What a resumed run has to restore."""
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}

    def step(self, batch: Batch) -> dict[str, float]:
        """Learn from one batch.

        Returns:
            The learning rate `lr`, the `loss` and its terms by name.

        Raises:
            InputError: The loss is not finite.
        """
        self.model.train()
        batch = batch.to(self.device)
        outputs = self.model(batch.points, batch.point_frame, len(batch.heatmap))
        terms = detection_loss(outputs, batch, self.detector)
        loss = torch.stack(list(terms.values())).sum()
        figures = {"lr": float(self.scheduler.get_last_lr()[0]), "loss": float(loss.detach())}
        figures |= {name: float(term.detach()) for name, term in terms.items()}
        self._stop_if_diverged(figures)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.schedule.gradient_clip)
        self.optimizer.step()
        self.scheduler.step()
        return figures

    def _stop_if_diverged(self, figures: dict[str, float]) -> None:
        if not math.isfinite(figures["loss"]):
            terms = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
            raise InputError(
                f"training diverged at step {self.scheduler.last_epoch} ({terms}); lower max_lr"
            )
