"""Where networks run."""

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
