"""Rectangles seen from above that a search tries."""

from dataclasses import dataclass, replace

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat
from cm3d.geometry.rows import Rows, columns


@dataclass(frozen=True, eq=False)
class Candidates(Rows):
    """Footprints, all columns of one shape: (N,) or, with C candidates for each, (N, C).

    Args:
        x_m: Centre, global frame.
        y_m: Centre, global frame.
        yaw_rad: Direction of the length, global frame.
        length_m: Extent along the yaw.
        width_m: Extent across it.
    """

    x_m: NDArrayFloat
    y_m: NDArrayFloat
    yaw_rad: NDArrayFloat
    length_m: NDArrayFloat
    width_m: NDArrayFloat

    def expanded(self) -> "Candidates":
        """With one more axis, to meet several points each."""
        return self[..., None]

    def replaced(self, where: NDArrayBool, others: "Candidates") -> "Candidates":
        """Others (N,) where they are wanted, these where they are not."""
        pairs = zip(columns(others).values(), columns(self).values(), strict=True)
        return Candidates(*(np.where(where, *pair) for pair in pairs))

    def in_box_frame(
        self, x_m: NDArrayFloat, y_m: NDArrayFloat
    ) -> tuple[NDArrayFloat, NDArrayFloat]:
        """Along and across coordinates of points whose shape broadcasts with the columns."""
        return self.turned_into_box_frame(x_m - self.x_m, y_m - self.y_m)

    def turned_into_box_frame(
        self, dx_m: NDArrayFloat, dy_m: NDArrayFloat
    ) -> tuple[NDArrayFloat, NDArrayFloat]:
        """Along and across components of differences whose shape broadcasts with the columns."""
        cosine, sine = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        return cosine * dx_m + sine * dy_m, cosine * dy_m - sine * dx_m

    def moved(self, along_m: NDArrayFloat, across_m: NDArrayFloat) -> "Candidates":
        """Shifted in their own directions."""
        cosine, sine = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        return replace(
            self,
            x_m=self.x_m + cosine * along_m - sine * across_m,
            y_m=self.y_m + sine * along_m + cosine * across_m,
        )

    def resized(
        self, length_m: NDArrayFloat, width_m: NDArrayFloat, sensor_xy_m: NDArrayFloat
    ) -> "Candidates":
        """With other extents; the faces that the sensor sees stay where they are."""
        along_m, across_m = self.in_box_frame(*sensor_xy_m)
        moved = self.moved(
            -_side(along_m, self.length_m) * (length_m - self.length_m) / 2,
            -_side(across_m, self.width_m) * (width_m - self.width_m) / 2,
        )
        return replace(moved, length_m=length_m, width_m=width_m)


def _side(position_m: NDArrayFloat, extent_m: NDArrayFloat) -> NDArrayFloat:
    """Which of two faces a position is beyond: 1, -1 or, between them, 0."""
    return np.asarray(np.where(np.abs(position_m) > extent_m / 2, np.sign(position_m), 0.0))
