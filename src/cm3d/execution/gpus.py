"""Which worker computes on which GPU of this machine."""

import math
import os
import subprocess
from collections.abc import Sequence

from cm3d.errors import InputError


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
