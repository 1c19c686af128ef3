"""Train a network of `cm3d.simnet` on rendered drives.

    PYTHONPATH=src python -m experiments.simnet.train detector FOLDER CHECKPOINT --minutes 40
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.utils.data import DataLoader, IterableDataset

from cm3d.simnet.detector import DetectorNetwork
from cm3d.simnet.segmenter import SegmenterNetwork
from experiments.simnet.detector_data import DetectorBatches
from experiments.simnet.detector_loss import detector_loss
from experiments.simnet.drives import Drives
from experiments.simnet.segmenter_data import SegmenterBatches
from experiments.simnet.segmenter_loss import segmenter_loss
from experiments.simnet.training import Loss, train

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


def main() -> None:
    """Train what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=sorted(RECIPES))
    parser.add_argument("folder", type=Path, help="what `render` wrote")
    parser.add_argument("checkpoint", type=Path, help="safetensors file to write")
    parser.add_argument("--init", type=Path, help="checkpoint to start from, else random weights")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--processes", type=int, default=2, help="with one thread each")
    arguments = parser.parse_args()
    with TemporaryDirectory() as meeting_place:
        spawn(  # type: ignore[no-untyped-call]
            _train, (arguments, f"file://{meeting_place}/group"), arguments.processes
        )


def _train(rank: int, arguments: argparse.Namespace, meeting_place: str) -> None:
    """One of the processes that train together."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=meeting_place, rank=rank, world_size=arguments.processes
    )
    torch.manual_seed(_SEED)
    recipe, drives = RECIPES[arguments.network], Drives(arguments.folder)
    batches = DataLoader(recipe.batches(drives, _SEED + rank), batch_size=None, num_workers=1)
    network = recipe.network()
    if arguments.init:
        network.load_state_dict(load_file(arguments.init))
    train(
        network,
        recipe.loss,
        batches,
        arguments.minutes,
        recipe.max_rate,
        arguments.checkpoint,
    )
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
    main()
