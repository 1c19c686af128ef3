"""From an image to what GroundingDINO is given.

Runs in the processes that read images, which have neither torch nor the network's library.
"""

from dataclasses import dataclass

from cm3d.detect2d.common.preparation import prepared, resize, thumbnail
from cm3d.geometry.arrays import NDArrayByte
from cm3d.shelf.prepared import Prepared


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
        return prepared(resize(small, self.resized_px(small.shape[0], small.shape[1])), image)

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
