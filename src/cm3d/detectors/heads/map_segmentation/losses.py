"""Focal loss of masks (BEVFusion)."""

import torch
from torch import Tensor
from torch.nn import functional

from cm3d.detectors.ranks import ranks, sum_over_processes
from cm3d.geometry.ground_map import MAP_CLASSES

_FOCUS = 2  # exponent; pixels of both kinds weigh alike


def map_loss(logits: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """Terms `map/<class>`, each a mean over pixels and frames; the loss is their sum.

    Where several processes train together, the mean over them is the loss of the batch.

    Args:
        logits: (B, classes, rows, columns).
        masks: The same shape, boolean.
    """
    signed = torch.where(masks, logits.float(), -logits.float())  # of being right
    focal = -(torch.sigmoid(-signed) ** _FOCUS) * functional.logsigmoid(signed)
    frames = sum_over_processes(focal.new_tensor([len(focal)])) / ranks()
    terms = focal.mean(dim=(2, 3)).sum(dim=0) / frames
    return {f"map/{name}": term for name, term in zip(MAP_CLASSES, terms, strict=True)}
