"""One step of training: AdamW on a one-cycle schedule (CenterPoint), or a cosine (BEVFusion)."""

import math
from typing import Final, cast

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cm3d.detectors.inputs import Batch
from cm3d.detectors.protocol import Detector
from cm3d.detectors.ranks import ranks, sum_over_processes
from cm3d.errors import InputError
from cm3d.params import Schedule, WarmCosine
from cm3d.training.recipe import Recipe
from cm3d.training.resume import Stateful

# The learning rate rises over this share of the steps, from this part of its peak (CenterPoint).
_RISING_SHARE, _START_DIVISOR = 0.4, 10
# From this part of its peak it rises, and to that it falls (BEVFusion).
_WARMUP_START, _COSINE_END = 1 / 3, 1e-3
_PRECISIONS: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Trainer:
    """Model, optimiser, learning rate and, on request, the running average of the weights.

    Args:
        model: On the device where it is to be trained.
        recipe: How.
        steps: Of the whole training.
    """

    def __init__(self, model: Detector, recipe: Recipe, steps: int) -> None:
        """Start a run."""
        self.model, self.recipe, schedule = model, recipe, recipe.schedule
        self.device = next(model.parameters()).device
        # normalisation keeps its running figures alike in all processes by itself
        shared = ranks() > 1
        self.network = (
            DistributedDataParallel(model, forward_sync_buffers=False) if shared else model
        )
        on_gpu = self.device.type == "cuda"
        self.precision = _PRECISIONS[recipe.training.precision] if on_gpu else torch.float32
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.precision is torch.float16
        )
        groups = model.parameter_groups()
        self.optimizer = AdamW(
            [
                {"params": group.parameters, "lr": group.lr_factor * schedule.max_lr}
                for group in groups
            ],
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        self.scheduler = _learning_rates(self.optimizer, schedule, steps)
        self.average = _averaged(model, recipe.training.ema_decay)

    @property
    def parts(self) -> dict[str, Stateful]:
        """What a resumed run has to restore."""
        parts: dict[str, Stateful] = {
            "model": self.model,
            "optimizer": self.optimizer,
            "scheduler": self.scheduler,
            "scaler": self.scaler,
        }
        return parts | ({"average": self.average} if self.average else {})

    @property
    def trained(self) -> Detector:
        """The detector as it stands: averaged, if an average is kept."""
        return cast(Detector, self.average.module) if self.average else self.model

    def step(self, batch: Batch) -> dict[str, float]:
        """Learn from one batch.

        Returns:
            The learning rate `lr`, the `loss` of the whole batch and its terms by name.

        Raises:
            InputError: The loss or its gradient is not finite; the weights are as before.
        """
        self.model.train()
        batch = batch.to(self.device)
        terms = self._loss_terms(batch)
        self.optimizer.zero_grad()
        self.scaler.scale(torch.stack(list(terms.values())).sum()).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(
            self.model.parameters(), self.recipe.schedule.gradient_clip
        )
        figures = self._figures(terms, norm)
        self._refuse_to_diverge(figures, batch)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.scheduler.step()
        if self.average:
            self.average.update_parameters(self.model)
        return figures

    def _loss_terms(self, batch: Batch) -> dict[str, Tensor]:
        mixed = self.precision is not torch.float32
        with torch.autocast(self.device.type, self.precision, enabled=mixed):
            outputs = self.network(batch.inputs)
        return self.model.loss(outputs, self.model.targets(batch))

    def _figures(self, terms: dict[str, Tensor], norm: Tensor) -> dict[str, float]:
        """One transfer from the device, so that it waits for the host once per step."""
        local = torch.stack([term.detach() for term in terms.values()])
        mean = sum_over_processes(local) / ranks()
        *values, loss, gradient = torch.stack([*mean, mean.sum(), norm]).tolist()
        figures = {"lr": float(self.scheduler.get_last_lr()[0]), "loss": loss, "gradient": gradient}
        return figures | dict(zip(terms, values, strict=True))

    def _refuse_to_diverge(self, figures: dict[str, float], batch: Batch) -> None:
        # in half precision the scaler expects overflows of the gradient, and skips the step
        watched = ("loss",) if self.scaler.is_enabled() else ("loss", "gradient")
        if all(math.isfinite(figures[name]) for name in watched):
            return
        terms = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
        raise InputError(
            f"training diverged at step {self.scheduler.last_epoch} ({terms}) on the keyframes "
            f"{', '.join(batch.tokens)}; lower max_lr or look at their labels"
        )


def _learning_rates(optimizer: AdamW, schedule: Schedule, steps: int) -> LRScheduler:
    """One cycle; or, where the schedule has a warm-up, a straight rise and half a cosine."""
    if not isinstance(schedule, WarmCosine):
        peaks = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(
            optimizer, peaks, total_steps=steps, pct_start=_RISING_SHARE, div_factor=_START_DIVISOR
        )
    rising = min(schedule.warmup_steps, max(steps - 1, 1))

    def share(step: int) -> float:
        if step < rising:
            return _WARMUP_START + (1 - _WARMUP_START) * step / rising
        angle = math.pi * (step - rising) / max(steps - rising, 1)
        return _COSINE_END + (1 - _COSINE_END) * (1 + math.cos(angle)) / 2

    return LambdaLR(optimizer, share)


def _averaged(model: Detector, decay: float) -> AveragedModel | None:
    if decay == 0:
        return None
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=True)
