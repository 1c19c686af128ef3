"""From an image to what Detic is given.

Runs in the processes that read images, which have neither torch nor the network's library.
"""

from dataclasses import dataclass

from cm3d.detect2d.common.preparation import prepared, resize, thumbnail
from cm3d.geometry.arrays import NDArrayByte
from cm3d.shelf.prepared import Prepared


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
        resized = resize(small, (height_px, width_px))
        return prepared(resized if self.channels == "RGB" else resized[:, :, ::-1], image)
