"""What the detector learns from: images with boxes, maps of centres, losses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator, default_rng
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.classes import CLASS_NAMES
from cm3d.simulation.networks.detector import STRIDE_PX, boxes_around_cells
from cm3d.simulation.teaching.augmentation import disturbed, random_view
from cm3d.simulation.teaching.drives import Drives, Photograph, VisibleObjects, visible_objects

# Width, height, number of photographs and views of each: small views for variety, whole images
# for large objects. Reading a photograph takes longer than cutting a view.
_BATCHES: Final = ((384, 256, 4, 2), (800, 448, 2, 1))
_SMALL_SHARE: Final = 0.6

_SPREAD: Final = 0.09  # deviation of the bump around a box's middle, in box sizes (TTFNet)
_MIN_SPREAD_CELLS: Final = 0.4
_LEARNT_FROM: Final = 0.01  # of the bump's height, from which a cell learns the box
_BOX_WEIGHT: Final = 5.0  # TTFNet


@dataclass(frozen=True, eq=False)
class DetectorTargets:
    """Targets of one image, or of a batch with B in front.

    Args:
        heatmap: (10, h, w) in [0, 1], exactly 1 at the middles.
        counts: (10, h, w) 0 where a small object is, whose class may or may not be found there.
        box_px: (4, h, w) the box that a cell should give.
        weight: (h, w) how much that matters.
    """

    heatmap: Tensor
    counts: Tensor
    box_px: Tensor
    weight: Tensor


def detector_targets(objects: VisibleObjects, width_px: int, height_px: int) -> DetectorTargets:
    """Targets of an image of the given size."""
    columns, rows = width_px // STRIDE_PX, height_px // STRIDE_PX
    heatmap = np.zeros((len(CLASS_NAMES), rows, columns), dtype=np.float32)
    counts = np.ones_like(heatmap)
    box_px = np.zeros((4, rows, columns), dtype=np.float32)
    weight = np.zeros((rows, columns), dtype=np.float32)
    area_px = np.prod(objects.box_px[:, 2:] - objects.box_px[:, :2], axis=1)
    for row in np.argsort(-area_px):  # where boxes overlap the smaller one counts
        box, class_index = objects.box_px[row], objects.class_index[row]
        if objects.is_small[row]:
            low = np.floor(box[:2] / STRIDE_PX).astype(int)
            high = np.ceil(box[2:] / STRIDE_PX).astype(int)
            counts[class_index, low[1] : high[1], low[0] : high[0]] = 0
            continue
        bump = _bump(box, columns, rows)
        np.maximum(heatmap[class_index], bump, out=heatmap[class_index])
        learns = bump > _LEARNT_FROM
        box_px[:, learns] = box[:, None]
        weight[learns] = np.log(area_px[row]) * bump[learns] / bump[learns].sum()
    parts = (heatmap, counts, box_px, weight)
    return DetectorTargets(*(torch.from_numpy(part) for part in parts))


def _bump(box_px: NDArrayFloat, columns: int, rows: int) -> NDArrayFloat:
    middle = np.floor((box_px[:2] + box_px[2:]) / 2 / STRIDE_PX)
    size_cells = (box_px[2:] - box_px[:2]) / STRIDE_PX
    spread = np.maximum(size_cells * _SPREAD, _MIN_SPREAD_CELLS)
    along = np.exp(-(((np.arange(columns) - middle[0]) / spread[0]) ** 2) / 2)
    down = np.exp(-(((np.arange(rows) - middle[1]) / spread[1]) ** 2) / 2)
    return np.asarray(down[:, None] * along[None])


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


def detector_loss(logits: Tensor, sides_px: Tensor, targets: DetectorTargets) -> Tensor:
    """Focal loss of the heatmap (CornerNet's) and generalised IoU of the boxes.

    Args:
        logits: (B, 10, h, w).
        sides_px: (B, 4, h, w).
        targets: Of the batch.
    """
    box_px = boxes_around_cells(sides_px)
    lost = 1 - generalised_iou(box_px.unbind(1), targets.box_px.unbind(1))
    boxes = (targets.weight * lost).sum() / targets.weight.sum().clamp(min=1)
    return heatmap_loss(logits, targets) + _BOX_WEIGHT * boxes


def heatmap_loss(logits: Tensor, targets: DetectorTargets) -> Tensor:
    """Cross-entropy that counts sure cells, and background near a middle, less."""
    probability = torch.sigmoid(logits)
    is_middle = targets.heatmap == 1
    found = -F.logsigmoid(logits) * (1 - probability) ** 2
    elsewhere = -F.logsigmoid(-logits) * probability**2 * (1 - targets.heatmap) ** 4
    lost = torch.where(is_middle, found, elsewhere * targets.counts)
    return lost.sum() / is_middle.sum().clamp(min=1)


def generalised_iou(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> Tensor:
    """GIoU (Rezatofighi et al., CVPR 2019) of boxes x_min, y_min, x_max, y_max of any shape."""
    (a_x, a_y, a_right, a_low), (b_x, b_y, b_right, b_low) = one, other
    width = (torch.minimum(a_right, b_right) - torch.maximum(a_x, b_x)).clamp(min=0)
    height = (torch.minimum(a_low, b_low) - torch.maximum(a_y, b_y)).clamp(min=0)
    common = width * height
    union = (a_right - a_x) * (a_low - a_y) + (b_right - b_x) * (b_low - b_y) - common
    hull = (torch.maximum(a_right, b_right) - torch.minimum(a_x, b_x)) * (
        torch.maximum(a_low, b_low) - torch.minimum(a_y, b_y)
    )
    tiny = 1e-6
    return common / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)
