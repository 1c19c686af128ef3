"""Train a network of `cm3d.simulation.networks` on rendered drives.

PYTHONPATH=src python -m cm3d.simulation.teaching.train detector FOLDER CHECKPOINT --minutes 40
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.utils.data import DataLoader, IterableDataset

from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.simulation.networks.detector import DetectorNetwork
from cm3d.simulation.networks.layers import fold_norms
from cm3d.simulation.networks.segmenter import SegmenterNetwork
from cm3d.simulation.networks.weights import save_weights
from cm3d.simulation.teaching.calibration import calibrate
from cm3d.simulation.teaching.detector import DetectorBatches, detector_loss
from cm3d.simulation.teaching.drives import Drives
from cm3d.simulation.teaching.loop import Loss, train
from cm3d.simulation.teaching.segmenter import SegmenterBatches, segmenter_loss
from cm3d.weights import Weights, check_weights, read_weights

_SEED = 0


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what, how.

    Args:
        network: Draws the first weights.
        batches: Makes examples from photographs and a seed.
        loss: Of a batch.
        max_rate: Peak of the learning rate.
    """

    network: Callable[[], nn.Module]
    batches: Callable[[Drives, int], IterableDataset[Any]]
    loss: Loss
    max_rate: float


@dataclass(frozen=True)
class Run:
    """One training.

    Args:
        network: Key of `RECIPES`.
        folder: What `render` wrote.
        checkpoint: Safetensors file to write.
        minutes: How long.
        init: Checkpoint to start from; None: random weights.
        max_rate: Peak of the learning rate; None: the recipe's.
        processes: How many train together, with one thread each.
    """

    network: str
    folder: Path
    checkpoint: Path
    minutes: float
    init: Path | None = None
    max_rate: float | None = None
    processes: int = 2


def main() -> None:
    """Train what the command line names."""
    parser = Arguments("cm3d.simulation.teaching.train", __doc__)
    parser.add_argument("network", choices=sorted(RECIPES))
    parser.add_argument("folder", type=Path, help="what `render` wrote")
    parser.add_argument("checkpoint", type=Path, help="safetensors file to write")
    parser.add_argument("--init", type=Path, help="checkpoint to start from, else random weights")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--max-rate", type=float, help="peak of the learning rate")
    parser.add_argument("--processes", type=int, default=2, help="with one thread each")
    parser.add_argument("--export", type=Path, help="folder for the weights as they are read")
    parser.add_argument("--held-out", type=Path, help="photographs to calibrate scores on")
    arguments = vars(parser.parse_args())
    folder, held_out = arguments.pop("export"), arguments.pop("held_out")
    run = Run(**arguments)
    train_together(run)
    if folder:
        export(run.network, run.checkpoint, folder, held_out)


def train_together(run: Run) -> None:
    """Train a network in several processes, each on photographs of its own draw.

    Raises:
        InputError: The checkpoint to start from is broken or of another network.
    """
    initial = None
    if run.init:
        initial = weights_of(run.network, run.init, "correct --init")
    with TemporaryDirectory() as meeting_place:
        arguments = (run, initial, f"file://{meeting_place}/group")
        spawn(_train, arguments, run.processes)  # type: ignore[no-untyped-call]


def export(network: str, checkpoint: Path, folder: Path, held_out: Path | None = None) -> None:
    """Write a trained network's weights to a folder, as `networks.weights` reads them.

    Args:
        network: Key of `RECIPES`.
        checkpoint: What `train_together` wrote.
        folder: Receives `NETWORK.safetensors`.
        held_out: Photographs of worlds not trained on, which a detector's scores are calibrated on.

    Raises:
        InputError: The checkpoint is broken or of another network.
    """
    trained = RECIPES[network].network()
    trained.load_state_dict(weights_of(network, checkpoint, "train it again"))
    trained = fold_norms(trained)
    if held_out and isinstance(trained, DetectorNetwork):
        drives = Drives(held_out)
        calibration = calibrate(trained, (drives[row] for row in range(len(drives))))
        print(calibration)
        calibration.apply(trained)
    save_weights(trained, folder / f"{network}.safetensors")


def weights_of(network: str, checkpoint: Path, remedy: str) -> Weights:
    """The weights of a checkpoint that `train_together` wrote.

    Args:
        network: Key of `RECIPES`.
        checkpoint: The file.
        remedy: What to do if it has none; ends the message.

    Raises:
        InputError: It is broken or of another network.
    """
    weights, own = read_weights(checkpoint, remedy), RECIPES[network].network().state_dict()
    check_weights(weights, own, f"the {network}", checkpoint, remedy)
    return weights


def _train(rank: int, run: Run, initial: Weights | None, meeting_place: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting_place, rank=rank, world_size=run.processes)
    torch.manual_seed(_SEED)
    recipe, drives = RECIPES[run.network], Drives(run.folder)
    network = recipe.network()
    if initial is not None:
        network.load_state_dict(initial)
    batches = DataLoader(recipe.batches(drives, _SEED + rank), batch_size=None, num_workers=1)
    max_rate = run.max_rate or recipe.max_rate
    train(network, recipe.loss, batches, run.minutes, max_rate, run.checkpoint)
    dist.destroy_process_group()


def _detector_loss(network: nn.Module, batch: Any) -> Tensor:
    images, targets = batch
    logits, sides_px = network(images.contiguous(memory_format=torch.channels_last))
    with torch.autocast("cpu", enabled=False):
        return detector_loss(logits.float(), sides_px.float(), targets)


def _segmenter_loss(network: nn.Module, batch: Any) -> Tensor:
    crops, masks = batch
    logits = network(crops.contiguous(memory_format=torch.channels_last))
    with torch.autocast("cpu", enabled=False):
        return segmenter_loss(logits.float(), masks)


RECIPES = {
    "detector": Recipe(DetectorNetwork, DetectorBatches, _detector_loss, 2.5e-3),
    "segmenter": Recipe(SegmenterNetwork, SegmenterBatches, _segmenter_loss, 3e-3),
}


if __name__ == "__main__":
    run_program(main)
