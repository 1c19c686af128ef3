"""Make the weights of `cm3d.simulation.networks` anew, from nothing.

    PYTHONPATH=src python -m cm3d.simulation.teaching.remake FOLDER

Takes an hour and a half on two cores. Weights depend on the speed of the machine, because
training lasts for a time, not for a number of steps.
"""

from pathlib import Path

from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.simulation.networks.weights import FOLDER
from cm3d.simulation.teaching.render import FIRST_SEED, WORLDS, render_worlds
from cm3d.simulation.teaching.train import Run, export, train_together

_MINUTES = {"segmenter": 20.0, "detector": 55.0}
_HELD_OUT_SEED, _HELD_OUT_WORLDS = 2000, 8


def main() -> None:
    """Render, train both networks, and put their weights where the code looks for them."""
    parser = Arguments("cm3d.simulation.teaching.remake", __doc__)
    parser.add_argument("folder", type=Path, help="for images and checkpoints, about 500 MB")
    folder: Path = parser.parse_args().folder
    images, held_out = folder / "images", folder / "held_out"
    render_worlds(images, range(FIRST_SEED, FIRST_SEED + WORLDS))
    render_worlds(held_out, range(_HELD_OUT_SEED, _HELD_OUT_SEED + _HELD_OUT_WORLDS))
    for network, minutes in _MINUTES.items():
        checkpoint = folder / f"{network}.safetensors"
        train_together(Run(network, images, checkpoint, minutes))
        export(network, checkpoint, FOLDER, held_out)


if __name__ == "__main__":
    run_program(main)
