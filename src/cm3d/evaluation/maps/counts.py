"""Intersection over union of masks at several thresholds, from counts of pixels (BEVFusion)."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayInt
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.tables.map_predictions import MAP_THRESHOLDS

MEAN: Final = "mIoU"
IOU: Final = {name: f"IoU_{name}" for name in MAP_CLASSES}


def count_pixels(reached: NDArrayByte, truth: NDArrayBool) -> NDArrayInt:
    """How many pixels of a frame are of each kind.

    Args:
        reached: (classes, rows, columns) how many thresholds a pixel reaches.
        truth: The same shape.

    Returns:
        (classes, 2, thresholds + 1): pixels that are false, and true, by `reached`.
    """
    bins = len(MAP_THRESHOLDS) + 1
    kind = reached.astype(np.int64) + bins * truth
    of_class = 2 * bins * np.arange(len(kind))[:, None, None]
    counts = np.bincount((kind + of_class).ravel(), minlength=2 * bins * len(kind))
    return np.asarray(counts.reshape(-1, 2, bins), dtype=np.int64)


def score_counts(counts: NDArrayInt) -> Mapping[str, float]:
    """IoU of each class at its best threshold, and the mean over classes.

    A class that no pixel of the truth has is left out, of the mean too: its IoU would be 0
    whatever a model says. Where there is none at all, there are no figures.

    Args:
        counts: Sums of `count_pixels` over frames.
    """
    # From each threshold on; the first of `reached` is below all of them.
    positive = np.cumsum(counts[:, :, :0:-1], axis=2)[:, :, ::-1]
    false_positive, true_positive = positive[:, 0], positive[:, 1]
    true = counts[:, 1].sum(axis=1)
    occurs = true > 0
    union = true[occurs, None] + false_positive[occurs]
    best = (true_positive[occurs] / union).max(axis=1)
    names = [name for name, of in zip(MAP_CLASSES, occurs, strict=True) if of]
    figures = {IOU[name]: float(value) for name, value in zip(names, best, strict=True)}
    return {MEAN: float(best.mean()), **figures} if figures else {}
