"""What the detector should say about an image (TTFNet's targets)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simnet.detector import STRIDE_PX
from cm3d.tables.vocabulary import CLASS_NAMES
from experiments.simnet.drives import VisibleObjects

_SPREAD: Final = 0.09  # deviation of the bump around a box's middle, in box sizes (TTFNet)
_MIN_SPREAD_CELLS: Final = 0.4
_LEARNT_FROM: Final = 0.01  # of the bump's height, from which a cell learns the box


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
