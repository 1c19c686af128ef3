"""How wrong masks are."""

import torch
import torch.nn.functional as F
from torch import Tensor


def segmenter_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy per pixel, and Dice per mask so that thin objects count as much as full ones.

    Args:
        logits: (N, H, W).
        masks: (N, H, W) in {0, 1}.
    """
    probability = torch.sigmoid(logits)
    common = (probability * masks).sum(dim=(1, 2))
    total = probability.sum(dim=(1, 2)) + masks.sum(dim=(1, 2))
    dice = 1 - (2 * common + 1) / (total + 1)
    return F.binary_cross_entropy_with_logits(logits, masks) + dice.mean()
