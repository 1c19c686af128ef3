"""The bird's-eye image of LiDAR intensity that SAM3D segments."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat, NDArrayInt

_FULL_INTENSITY: Final = 255.0  # of SAM3D's images; one is added before the logarithm


@dataclass(frozen=True)
class BevGrid:
    """A square grid around the sensor; row 0 is the largest x, column 0 the largest y.

    Args:
        range_m: Half side.
        pixel_m: Side of a pixel.
    """

    range_m: float
    pixel_m: float

    @property
    def side_px(self) -> int:
        """Pixels along one side."""
        return int(2 * self.range_m / self.pixel_m) + 1

    def inside(self, points_m: NDArrayFloat) -> NDArrayBool:
        """Which of (N, 3) points lie on the grid."""
        return np.asarray(np.all(np.abs(points_m[:, :2]) <= self.range_m, axis=1))

    def pixels(self, points_m: NDArrayFloat) -> tuple[NDArrayInt, NDArrayInt]:
        """Row and column (N,) of points on the grid (N, 3)."""
        rows, columns = ((self.range_m - points_m[:, :2]) / self.pixel_m).astype(np.int64).T
        return rows, columns


def intensity_image(
    grid: BevGrid, points_m: NDArrayFloat, intensity: NDArrayFloat, dilation_px: int
) -> NDArrayByte:
    """Draw points as the logarithm of their intensity, spread over 1 to 255, on black.

    Args:
        grid: Where points fall.
        points_m: (N, 3) points on the grid, above the ground.
        intensity: (N,) in [0, 1]. The last point of a pixel is the one that is seen.
        dilation_px: Side of the square that closes gaps between beams.

    Returns:
        (side, side) grey values.
    """
    image = np.zeros((grid.side_px, grid.side_px), dtype=np.uint8)
    if len(points_m) == 0:
        return image
    brightness = np.log1p(_FULL_INTENSITY * intensity)
    darkest, contrast = brightness.min(), np.ptp(brightness)
    normalised = (brightness - darkest) / contrast if contrast > 0 else np.ones(len(points_m))
    image[grid.pixels(points_m)] = (1 + 254 * normalised).astype(np.uint8)
    return np.asarray(cv2.dilate(image, np.ones((dilation_px, dilation_px), dtype=np.uint8)))
