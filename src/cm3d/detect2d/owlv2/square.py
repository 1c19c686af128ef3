"""The square that OWLv2 sees of an image."""

from functools import lru_cache

import numpy as np
import torch
from scipy import ndimage

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt


class Square:
    """What the model's image processor does, on the device of the model.

    The processor smooths and resamples by scipy, a quarter of a second per image. Both are
    linear and separable, so two matrix products do the same.
    """

    def __init__(self, side_px: int, device: torch.device) -> None:
        """Take the side of the square that the network takes."""
        self._side_px, self._device = side_px, device

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """From uint8 (B, 3, h, w) to float32 (B, 3, side, side)."""
        longer_px = max(pixels.shape[2:])
        weights = torch.from_numpy(_resampling(longer_px, self._side_px)).to(self._device)
        # What lies outside of the image is 0, so its columns can be left away.
        down, across = (weights[:, :length] for length in pixels.shape[2:])
        return down @ pixels.float() @ across.T

    def spans_px(self, pixels: torch.Tensor, size_px: NDArrayInt) -> torch.Tensor:
        """Width and height (B, 2) of the square in pixels of the images before `prepare`.

        Args:
            pixels: (B, 3, h, w).
            size_px: (B, 2) height and width of those images.
        """
        height_px, width_px = pixels.shape[2:]
        spans_px = max(height_px, width_px) * size_px / np.array([height_px, width_px])
        return torch.from_numpy(spans_px[:, ::-1].copy())


@lru_cache(maxsize=8)
def _resampling(length_px: int, side_px: int) -> NDArrayFloat:
    """(side, length) weights that resample a line: smoothed where it shrinks, then linear."""
    sigma_px = max(0.0, (length_px / side_px - 1) / 2)
    lines = np.eye(length_px)
    if sigma_px > 0:
        lines = ndimage.gaussian_filter1d(lines, sigma_px, axis=0, mode="mirror")
    zoom = (side_px / length_px, 1.0)
    weights = ndimage.zoom(lines, zoom, order=1, mode="mirror", grid_mode=True)
    return np.asarray(weights, dtype=np.float32)
