"""Cores and GPUs, found without PyTorch, which workers that run no network do not load."""

import math
import os
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cm3d.errors import InputError

if TYPE_CHECKING:
    import torch


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_device(name: str) -> "torch.device":
    """The device that `execution.device` names: auto, cpu or cuda.

    Raises:
        InputError: There is no GPU to be had.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("execution.device: cuda, but PyTorch sees no GPU; set it to auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def visible_gpus() -> tuple[str, ...]:
    """GPUs as CUDA_VISIBLE_DEVICES names them, found without loading a network library."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name for name in named.replace(" ", "").split(",") if name not in ("", "-1"))
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    count = sum(line.startswith("GPU ") for line in done.stdout.splitlines())
    return tuple(map(str, range(count)))


def deal_gpus(workers: int, gpus: Sequence[str], gpus_per_worker: float) -> list[str]:
    """What each worker gets as CUDA_VISIBLE_DEVICES, dealt round robin while there is room.

    Args:
        workers: Number of workers at most.
        gpus: The machine's GPUs.
        gpus_per_worker: Share of a GPU, or number of GPUs, per worker; 0 deals nothing, so that
            each worker sees all.

    Returns:
        One value per worker that there is room for; none at all where nothing is dealt.

    Raises:
        InputError: There is not even room for one.
    """
    if not gpus or gpus_per_worker == 0:
        return []
    each = math.ceil(gpus_per_worker)
    hands = [",".join(gpus[i : i + each]) for i in range(0, len(gpus) - each + 1, each)]
    # a third of a GPU has no exact float
    sharing = int(1 / gpus_per_worker + 1e-6) if gpus_per_worker <= 1 else 1
    if not hands:
        raise InputError(
            f"execution.gpus_per_worker: {gpus_per_worker:g}, but there are {len(gpus)} GPUs; set "
            f"it to at most {len(gpus)}"
        )
    room = min(workers, len(hands) * sharing)
    return [hands[worker % len(hands)] for worker in range(room)]
