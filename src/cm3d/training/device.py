"""Where a detector runs, and that it runs there the same way twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from cm3d.errors import InputError


def choose_device(name: str) -> torch.device:
    """The device that `execution.device` names: auto, cpu or cuda.

    Raises:
        InputError: There is no GPU to be had.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("execution.device: cuda, but PyTorch sees no GPU; set it to auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


@contextmanager
def deterministic() -> Iterator[None]:
    """Within, operations that have a deterministic variant use it."""
    memory: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False  # a debugging aid that costs time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        memory.fill_uninitialized_memory = before[1]
