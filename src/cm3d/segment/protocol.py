"""What a box-prompted mask model is to this project."""

from collections.abc import Sequence
from typing import Protocol

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.shelf.prepared import Prepare, Prepared


class Segmenter(Protocol):
    """SAM, or whatever stands in for it."""

    @property
    def prepare(self) -> Prepare:
        """From an RGB image (H, W, 3) to what `segment` takes; runs in other processes."""
        ...

    def segment(
        self, batch: Sequence[Prepared], boxes_px: Sequence[NDArrayFloat]
    ) -> list[NDArrayBool]:
        """Outline the object in each box.

        Args:
            batch: Images of equal shapes, prepared.
            boxes_px: Per image (N, 4) x_min, y_min, x_max, y_max in pixels of the image that was
                prepared; boxes may be empty or leave the image.

        Returns:
            Per image (N, H, W) masks at that image's resolution; all False where a box holds no
            pixel.
        """
        ...
