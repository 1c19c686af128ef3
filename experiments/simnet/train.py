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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=sorted(RECIPES))
    parser.add_argument("folder", type=Path, help="what `render` wrote")
    parser.add_argument("checkpoint", type=Path, help="safetensors file to write")
    parser.add_argument("--init", type=Path, help="checkpoint to start from, else random weights")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--max-rate", type=float, help="peak of the learning rate")
    parser.add_argument("--processes", type=int, default=2, help="with one thread each")
    train_together(Run(**vars(parser.parse_args())))


def train_together(run: Run) -> None:
    """Train a network in several processes, each on photographs of its own draw."""
    with TemporaryDirectory() as meeting_place:
        arguments = (run, f"file://{meeting_place}/group")
        spawn(_train, arguments, run.processes)  # type: ignore[no-untyped-call]


def _train(rank: int, run: Run, meeting_place: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting_place, rank=rank, world_size=run.processes)
    torch.manual_seed(_SEED)
    recipe, drives = RECIPES[run.network], Drives(run.folder)
    network = recipe.network()
    if run.init:
        network.load_state_dict(load_file(run.init))
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
    main()
