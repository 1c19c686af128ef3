"""Pixels as networks take them."""

from typing import Any

import torch


class Normalize:
    """From bytes to zero mean and unit deviation, on the network's device.

    Images cross processes as bytes, a quarter of their size as floats.
    """

    def __init__(self, processor: Any, device: torch.device) -> None:
        """Take mean and deviation from an image processor of transformers."""
        self._factor = float(processor.rescale_factor)
        self._mean, self._std = (
            torch.tensor(values, device=device).view(-1, 1, 1)
            for values in (processor.image_mean, processor.image_std)
        )

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """From uint8 (B, 3, H, W) to float32."""
        return (pixels * self._factor - self._mean) / self._std
