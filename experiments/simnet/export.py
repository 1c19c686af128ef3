"""Turn a checkpoint of training into the weights that come with the code.

PYTHONPATH=src python -m experiments.simnet.export detector CHECKPOINT src/cm3d/simnet/weights
"""

import argparse
from pathlib import Path

from safetensors.torch import load_file

from cm3d.simnet.weights import save_weights
from experiments.simnet.train import RECIPES


def main() -> None:
    """Export what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=sorted(RECIPES))
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    export(arguments.network, arguments.checkpoint, arguments.folder)


def export(network: str, checkpoint: Path, folder: Path) -> None:
    """Write a trained network's weights to a folder, as `cm3d.simnet.weights` reads them."""
    trained = RECIPES[network].network()
    trained.load_state_dict(load_file(checkpoint))
    save_weights(trained, folder / f"{network}.safetensors")


if __name__ == "__main__":
    main()
