"""Turn a checkpoint of training into the weights that come with the code.

    PYTHONPATH=src python -m experiments.simnet.export detector CHECKPOINT src/cm3d/simnet/weights

With `--held-out FOLDER`, where `render --worlds 8 --first-seed 2000` wrote photographs, the
detector's scores are calibrated on those.
"""

import argparse
from pathlib import Path

from safetensors.torch import load_file

from cm3d.simnet.detector import DetectorNetwork
from cm3d.simnet.layers import fold_norms
from cm3d.simnet.weights import save_weights
from experiments.simnet.calibration import calibrate
from experiments.simnet.drives import Drives
from experiments.simnet.train import RECIPES


def main() -> None:
    """Export what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=sorted(RECIPES))
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held-out", type=Path, help="photographs of worlds not trained on")
    arguments = parser.parse_args()
    export(arguments.network, arguments.checkpoint, arguments.folder, arguments.held_out)


def export(network: str, checkpoint: Path, folder: Path, held_out: Path | None = None) -> None:
    """Write a trained network's weights to a folder, as `cm3d.simnet.weights` reads them."""
    trained = RECIPES[network].network()
    trained.load_state_dict(load_file(checkpoint))
    trained = fold_norms(trained)
    if held_out and isinstance(trained, DetectorNetwork):
        drives = Drives(held_out)
        calibration = calibrate(trained, (drives[row] for row in range(len(drives))))
        print(calibration)
        calibration.apply(trained)
    save_weights(trained, folder / f"{network}.safetensors")


if __name__ == "__main__":
    main()
