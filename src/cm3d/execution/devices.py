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
    """What each worker gets as CUDA_VISIBLE_DEVICES, dealt round robin.

    Args:
        workers: Number of workers.
        gpus: The machine's GPUs.
        gpus_per_worker: Share of a GPU, or number of GPUs, per worker; 0 deals nothing, so that
            each worker sees all.

    Returns:
        One value per worker; none at all where nothing is dealt.

    Raises:
        InputError: More workers than the GPUs have room for.
    """
    if not gpus or gpus_per_worker == 0:
        return []
    each = math.ceil(gpus_per_worker)
    hands = [",".join(gpus[i : i + each]) for i in range(0, len(gpus) - each + 1, each)]
    # a third of a GPU has no exact float
    sharing = int(1 / gpus_per_worker + 1e-6) if gpus_per_worker <= 1 else 1
    if workers > len(hands) * sharing:
        raise InputError(_no_room(workers, len(gpus), gpus_per_worker, len(hands) * sharing))
    return [hands[worker % len(hands)] for worker in range(workers)]


def _no_room(workers: int, gpus: int, gpus_per_worker: float, room: int) -> str:
    advice = [f"execution.workers to {room}"] if room else []
    share = gpus // workers or math.floor(1000 / math.ceil(workers / gpus)) / 1000
    advice.append(f"execution.gpus_per_worker to {share:g}")
    return (
        f"execution.workers: {workers} workers with {gpus_per_worker:g} GPUs each do not fit on "
        f"{gpus}; set {' or '.join(advice)}"
    )
