"""The loop that trains either network for a given time."""

import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor, nn

_WARM_UP: Final = 0.05  # share of the time in which the learning rate rises
_FINAL_RATE: Final = 0.01  # share of the peak that is left at the end
_WEIGHT_DECAY: Final = 0.02
_GRADIENT_CLIP: Final = 10.0
_AVERAGE_DECAY: Final = 0.998
_CHECKPOINT_STEPS: Final = 100

Loss = Callable[[nn.Module, Any], Tensor]


def train(
    network: nn.Module,
    loss_of: Loss,
    batches: Iterable[Any],
    minutes: float,
    max_rate: float,
    path: Path,
) -> None:
    """Train until the time is up; processes of a `torch.distributed` group train together.

    Args:
        network: Starts from the weights that it has.
        loss_of: Loss of the network on a batch.
        batches: Without end.
        minutes: Time to train; the learning rate rises and falls over it.
        max_rate: Peak of the learning rate (AdamW).
        path: Checkpoint of the weights averaged over the last steps, written now and then.
    """
    trainer = _Trainer(network, loss_of, max_rate)
    start_s, losses = time.monotonic(), []
    for step, batch in enumerate(batches, 1):
        loss = trainer.compute_gradients(batch)
        progress = _agree(trainer.network, (time.monotonic() - start_s) / (60 * minutes))
        if progress >= 1:
            break
        trainer.step(progress)
        losses.append(loss)
        if step % _CHECKPOINT_STEPS == 0 and is_first():
            save_file(_contiguous(trainer.average), path)
            recent = float(np.mean(losses[-_CHECKPOINT_STEPS:]))
            print(f"step {step}: {100 * progress:.0f}% of the time, loss {recent:.4f}", flush=True)
    if is_first():
        save_file(_contiguous(trainer.average), path)


class _Trainer:
    """A network, its optimiser, and its weights averaged over the last steps."""

    def __init__(self, network: nn.Module, loss_of: Loss, max_rate: float) -> None:
        self.network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.average = deepcopy(self.network).requires_grad_(False)
        self._loss_of, self._max_rate, self._steps = loss_of, max_rate, 0
        self._optimizer = torch.optim.AdamW(_groups(self.network), weight_decay=_WEIGHT_DECAY)

    def compute_gradients(self, batch: Any) -> float:
        """Loss of a batch; its gradients are left with the weights."""
        self._optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            loss = self._loss_of(self.network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def step(self, progress: float) -> None:
        """Follow the gradients, at the rate that belongs to a share of the time."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._max_rate * rate_share(progress)
        nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT_CLIP)
        self._optimizer.step()
        self._steps += 1
        decay = min(_AVERAGE_DECAY, self._steps / (self._steps + 10))
        _follow(self.average, self.network, decay)


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return not dist.is_initialized() or dist.get_rank() == 0


def rate_share(progress: float) -> float:
    """Share of the peak learning rate after a share of the time: up in a line, down in a cosine."""
    if progress < _WARM_UP:
        return max(progress / _WARM_UP, _FINAL_RATE)
    falling = (progress - _WARM_UP) / (1 - _WARM_UP)
    return float(_FINAL_RATE + (1 - _FINAL_RATE) * (1 + np.cos(np.pi * falling)) / 2)


def _agree(network: nn.Module, progress: float) -> float:
    """Average gradients and progress over the processes."""
    if not dist.is_initialized():
        return progress
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    flat = torch.cat([*(gradient.flatten() for gradient in gradients), torch.tensor([progress])])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    *parts, agreed = torch.split(flat, [*(gradient.numel() for gradient in gradients), 1])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
    return agreed.item()


def _groups(network: nn.Module) -> list[dict[str, Any]]:
    """Weights of convolutions decay, scales and biases do not."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": weights}, {"params": others, "weight_decay": 0.0}]


def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def _contiguous(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
