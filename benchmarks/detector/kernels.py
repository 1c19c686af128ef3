"""Where a training step spends its time, by the profiler."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import torch
from torch.profiler import ProfilerActivity, profile

# Products of matrices and convolutions, dense and sparse, as cuBLAS, cuDNN, CUTLASS, oneDNN and
# spconv name them; the rest is what holds them up.
_MATRIX_KERNELS: Final = re.compile(
    r"gemm|conv|cutlass|cudnn.*(fprop|dgrad|wgrad)|xmma|aten::(add)?mm$", re.IGNORECASE
)


@dataclass(frozen=True)
class Kernel:
    """What one kind of kernel took.

    Args:
        name: As the profiler has it.
        ms: Of itself.
        share: Of the whole step.
    """

    name: str
    ms: float
    share: float

    @property
    def is_matrix(self) -> bool:
        """Whether it multiplies matrices or convolves."""
        return _MATRIX_KERNELS.search(self.name) is not None


def profiled(step: Callable[[], object], device: torch.device) -> list[Kernel]:
    """Kernels of a step, longest first; the step runs once before."""
    step()
    on_gpu = device.type == "cuda"
    activity = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
    with profile(activities=[activity]) as profiler:
        step()
        if on_gpu:
            torch.cuda.synchronize()
    times_ms = {
        event.key: (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e3
        for event in profiler.key_averages()
    }
    return by_length(times_ms.items())


def by_length(times_ms: Iterable[tuple[str, float]]) -> list[Kernel]:
    """Kernels with their share of all, longest first."""
    times_ms = list(times_ms)
    total_ms = sum(ms for _, ms in times_ms) or 1.0
    kernels = [Kernel(name, ms, ms / total_ms) for name, ms in times_ms]
    return sorted(kernels, key=lambda kernel: -kernel.ms)
