"""What a box-prompted mask model is to this project."""

from typing import Protocol

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat


class Segmenter(Protocol):
    """SAM, or whatever stands in for it."""

    def segment(self, image: NDArrayByte, boxes_px: NDArrayFloat) -> NDArrayBool:
        """Outline the object in each box.

        Args:
            image: (H, W, 3) RGB.
            boxes_px: (N, 4) x_min, y_min, x_max, y_max in its pixels; boxes may be empty or
                leave the image.

        Returns:
            (N, H, W) masks, the image's resolution; all False where a box holds no pixel.
        """
        ...
