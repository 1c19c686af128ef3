"""From an image to what a network is given, as each network's authors resize.

Runs in the processes that read images, which have neither torch nor the networks' library.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cm3d.geometry.arrays import NDArrayByte
from cm3d.shelf.prepared import Prepared


@dataclass(frozen=True)
class Shrink:
    """Shrink alone, as the paper's release does before any network; meets `prepared.Prepare`.

    Args:
        max_side_px: Longer side of an image at most.
    """

    max_side_px: int

    def __call__(self, image: NDArrayByte) -> Prepared:
        """From an RGB image (H, W, 3) to `pixels` (3, h, w) and `size_px` (H, W)."""
        return _prepared(thumbnail(image, self.max_side_px), image)


@dataclass(frozen=True)
class ResizeAsDetr:
    """Shrink, then resize as transformers does for DETR and what follows from it.

    Args:
        max_side_px: Longer side of an image at most, at first.
        shorter_px: Shorter side of the resized image, unless the longer one becomes too long.
        longer_px: Longer side of the resized image at most.
    """

    max_side_px: int
    shorter_px: int
    longer_px: int

    def __call__(self, image: NDArrayByte) -> Prepared:
        """From an RGB image (H, W, 3) to `pixels` (3, h, w) and `size_px` (H, W)."""
        small = thumbnail(image, self.max_side_px)
        return _prepared(_resize(small, self.resized_px(small.shape[0], small.shape[1])), image)

    def resized_px(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Height and width that the network sees; the longer side is cut off, not rounded."""
        short_px, long_px = sorted((height_px, width_px))
        exact_px: float = self.shorter_px
        if long_px / short_px * self.shorter_px > self.longer_px:
            exact_px = self.longer_px * short_px / long_px
        if round(exact_px) == short_px:
            return height_px, width_px
        short_px, long_px = max(1, round(exact_px)), int(exact_px * long_px / short_px)
        return (short_px, long_px) if height_px <= width_px else (long_px, short_px)


@dataclass(frozen=True)
class ResizeAsDetectron2:
    """Shrink, then resize as detectron2 does where it tests.

    Args:
        max_side_px: Longer side of an image at most, at first.
        shorter_px: Shorter side of the resized image, unless the longer one becomes too long.
        longer_px: Longer side of the resized image at most.
        channels: Their order in the network, RGB or BGR.
    """

    max_side_px: int
    shorter_px: int
    longer_px: int
    channels: str

    def __call__(self, image: NDArrayByte) -> Prepared:
        """From an RGB image (H, W, 3) to `pixels` (3, h, w) and `size_px` (H, W)."""
        small = thumbnail(image, self.max_side_px)
        sides_px = small.shape[:2]
        scale = min(self.shorter_px / min(sides_px), self.longer_px / max(sides_px))
        height_px, width_px = (max(1, int(side_px * scale + 0.5)) for side_px in sides_px)
        resized = _resize(small, (height_px, width_px))
        return _prepared(resized if self.channels == "RGB" else resized[:, :, ::-1], image)


def thumbnail(image: NDArrayByte, max_side_px: int) -> NDArrayByte:
    """An RGB image (H, W, 3) shrunk until its longer side is `max_side_px`; never enlarged."""
    shrunk = Image.fromarray(image)
    shrunk.thumbnail((max_side_px, max_side_px))
    return np.asarray(shrunk, dtype=np.uint8)


def _resize(image: NDArrayByte, size_px: tuple[int, int]) -> NDArrayByte:
    height_px, width_px = size_px
    resized = Image.fromarray(image).resize((width_px, height_px), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def _prepared(resized: NDArrayByte, image: NDArrayByte) -> Prepared:
    pixels = np.ascontiguousarray(resized.transpose(2, 0, 1))
    return {"pixels": pixels, "size_px": np.array(image.shape[:2])}
