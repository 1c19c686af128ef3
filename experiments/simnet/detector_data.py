"""Batches for the detector, without end."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from numpy.random import Generator, default_rng
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from experiments.simnet.augmentation import disturbed, random_view
from experiments.simnet.detector_targets import DetectorTargets, detector_targets
from experiments.simnet.drives import Drives, Photograph, visible_objects

# Width, height, number of photographs and views of each: small views for variety, whole images
# for large objects. Reading a photograph takes longer than cutting a view.
_BATCHES: Final = ((384, 256, 4, 2), (800, 448, 2, 1))
_SMALL_SHARE: Final = 0.6


class DetectorBatches(IterableDataset[tuple[Tensor, DetectorTargets]]):
    """Random views of random photographs with their targets."""

    def __init__(self, drives: Drives, seed: int) -> None:
        """Take the photographs; draws depend on the seed and the worker."""
        self._drives, self._seed = drives, seed

    def __iter__(self) -> Iterator[tuple[Tensor, DetectorTargets]]:
        """Images (B, 3, H, W) in [0, 1] and targets."""
        worker = get_worker_info()
        rng = default_rng([self._seed, worker.id if worker else 0])
        while True:
            small = rng.random() < _SMALL_SHARE
            width_px, height_px, photographs, views = _BATCHES[0 if small else 1]
            drawn = (
                self._drives[int(row)] for row in rng.integers(len(self._drives), size=photographs)
            )
            yield _stacked(
                [
                    _example(random_view(photograph, width_px, height_px, rng), rng)
                    for photograph in drawn
                    for _ in range(views)
                ]
            )


def _example(view: Photograph, rng: Generator) -> tuple[Tensor, DetectorTargets]:
    height_px, width_px = view.instance_id.shape
    image = np.ascontiguousarray(disturbed(view.rgb, rng).transpose(2, 0, 1))
    targets = detector_targets(visible_objects(view), width_px, height_px)
    return torch.from_numpy(image).float() / 255, targets


def _stacked(examples: list[tuple[Tensor, DetectorTargets]]) -> tuple[Tensor, DetectorTargets]:
    images, targets = zip(*examples, strict=True)
    names = ("heatmap", "counts", "box_px", "weight")
    together = (torch.stack([getattr(one, name) for one in targets]) for name in names)
    return torch.stack(images), DetectorTargets(*together)
