"""Weights of the two networks, which come with the code."""

from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from cm3d.errors import InputError
from cm3d.simulation.networks.layers import Network, fold_norms

FOLDER: Final = Path(__file__).parent / "weights"
DETECTOR: Final = FOLDER / "detector.safetensors"
SEGMENTER: Final = FOLDER / "segmenter.safetensors"


def load_weights(network: Network, path: Path) -> Network:
    """Fill a network for inference: normalisation folded, in float32, channels last.

    Raises:
        InputError: The file is missing, or has the weights of something else.
    """
    network = fold_norms(network)
    try:
        network.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; restore it from the repository") from error
    except (SafetensorError, RuntimeError) as error:
        name = type(network).__name__
        raise InputError(f"{path}: no weights of {name}; restore the file") from error
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a trained network's weights, normalisation folded, in float16; changes the network."""
    state = fold_norms(network).state_dict()
    save_file({name: value.half().contiguous() for name, value in state.items()}, path)
