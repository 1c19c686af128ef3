"""Weights of the two networks, which come with the code."""

from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import nn

from cm3d.simulation.networks.layers import Network, fold_norms
from cm3d.weights import check_weights, read_weights

FOLDER: Final = Path(__file__).parent / "weights"
DETECTOR: Final = FOLDER / "detector.safetensors"
SEGMENTER: Final = FOLDER / "segmenter.safetensors"
_REMEDY: Final = "restore it with Git"


def load_weights(network: Network, path: Path) -> Network:
    """Fill a network for inference: normalisation folded, in float32, channels last.

    Raises:
        InputError: The file is missing or broken, or has the weights of something else.
    """
    network = fold_norms(network)
    weights = read_weights(path, _REMEDY)
    check_weights(weights, network.state_dict(), type(network).__name__, path, _REMEDY)
    network.load_state_dict(weights)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a trained network's weights, normalisation folded, in float16; changes the network."""
    state = fold_norms(network).state_dict()
    save_file({name: value.half().contiguous() for name, value in state.items()}, path)
