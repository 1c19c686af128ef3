"""What is on a camera image: outlines, boxes, and the edges of 3D boxes."""

from typing import Final

import cv2
import numpy as np

from cm3d.drawing.canvas import Color, draw_lines
from cm3d.geometry.arrays import NDArrayBool, NDArrayByte, NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import outline_boxes, scale_intrinsics
from cm3d.geometry.cuboids import Cuboids, box_corners
from cm3d.geometry.se3 import SE3

_NEAR_M: Final = 0.1
# Pairs of corners, in the order of `box_corners`: the two faces, what joins them, and on the
# bottom the line to the middle of the front.
_EDGES: Final = np.array(
    [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]]
)
_OPACITY: Final = 0.45


class View:
    """A camera whose image is shown at some width."""

    def __init__(
        self, camera_SE3_global: SE3, intrinsics_px: NDArrayFloat, size_px: tuple[int, int]
    ) -> None:
        """Take a pose, a pinhole matrix (3, 3), and width and height of the image."""
        self.camera_SE3_global = camera_SE3_global
        self.intrinsics_px = intrinsics_px
        self.width_px, self.height_px = size_px

    def scaled_to(self, width_px: int) -> "View":
        """The same camera with an image of another width."""
        scale = width_px / self.width_px
        size_px = (width_px, max(1, round(self.height_px * scale)))
        return View(
            self.camera_SE3_global, scale_intrinsics(self.intrinsics_px, scale, scale), size_px
        )

    def corners_m(self, boxes: Cuboids) -> NDArrayFloat:
        """Corners (N, 8, 3) of boxes of the global frame in the camera's."""
        corners_m = box_corners(boxes).reshape(-1, 3)
        return self.camera_SE3_global.transform_points(corners_m).reshape(-1, 8, 3)

    def outlines_px(self, boxes: Cuboids) -> NDArrayFloat:
        """(N, 4) x_min, y_min, x_max, y_max of boxes; all zero where one is not in the image."""
        return outline_boxes(
            self.corners_m(boxes), self.intrinsics_px, self.width_px, self.height_px
        )

    def edges_px(self, boxes: Cuboids) -> NDArrayFloat:
        """Edges (E, 2, 2) of boxes that reach into the image, cut where they pass the camera."""
        corners_m = self.corners_m(boxes)
        outline_px = outline_boxes(corners_m, self.intrinsics_px, self.width_px, self.height_px)
        corners_m = corners_m[(outline_px[:, 2:] > outline_px[:, :2]).all(axis=1)]
        middle_m = corners_m[:, :4].mean(axis=1)
        front_m = corners_m[:, [0, 3]].mean(axis=1)
        pairs_m = np.concatenate(
            [corners_m[:, _EDGES].reshape(-1, 2, 3), np.stack([middle_m, front_m], axis=1)]
        )
        pairs_m = _in_front(pairs_m)
        homogeneous = pairs_m @ self.intrinsics_px.T
        return np.asarray(homogeneous[..., :2] / homogeneous[..., 2:])


def _in_front(pairs_m: NDArrayFloat) -> NDArrayFloat:
    """Lines (E, 2, 3) cut at the near plane; those behind it are dropped."""
    pairs_m = pairs_m[pairs_m[..., 2].max(axis=1, initial=-np.inf) > _NEAR_M]
    start_m, end_m = pairs_m[:, 0], pairs_m[:, 1]
    rise_m = end_m[:, 2] - start_m[:, 2]
    safe_m = np.where(rise_m == 0, 1.0, rise_m)
    cut_m = start_m + ((_NEAR_M - start_m[:, 2]) / safe_m)[:, None] * (end_m - start_m)
    cut_m[:, 2] = _NEAR_M
    behind = pairs_m[..., 2] < _NEAR_M
    return np.where(behind[..., None], cut_m[:, None], pairs_m)


def draw_edges(
    image: NDArrayByte, view: View, boxes: Cuboids, color: Color, thickness_px: int = 1
) -> None:
    """Draw 3D boxes of the global frame as wires."""
    draw_lines(image, view.edges_px(boxes), color, thickness_px)


def draw_rectangles(image: NDArrayByte, boxes_px: NDArrayFloat, color: Color) -> None:
    """Draw boxes (N, 4) x_min, y_min, x_max, y_max of this image."""
    draw_lines(image, boxes_px[:, [[0, 1], [2, 1], [2, 3], [0, 3]]], color, closed=True)


def shade_masks(image: NDArrayByte, masks: NDArrayBool, numbers: NDArrayInt) -> None:
    """Lay masks (M, height, width) of any size over an image, in hues by number (M,)."""
    size_px = (image.shape[1], image.shape[0])
    for mask, color in zip(masks, hues(numbers), strict=True):
        shape = cv2.resize(mask.astype(np.uint8), size_px, interpolation=cv2.INTER_NEAREST) > 0
        mixed = (1 - _OPACITY) * image[shape] + _OPACITY * color
        image[shape] = mixed.astype(np.uint8)


def hues(numbers: NDArrayInt) -> NDArrayByte:
    """Bright colours (M, 3) by number, unlike for numbers that follow each other."""
    hsv = np.full((1, len(numbers), 3), 255, dtype=np.uint8)
    hsv[0, :, 0] = numbers * 47 % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0] if len(numbers) else hsv[0])


def crop_around(
    outline_px: NDArrayFloat, width_px: int, height_px: int, margin: float, least_px: int
) -> tuple[slice, slice]:
    """Rows and columns of an image around a part of it, of the image's own shape.

    Args:
        outline_px: (4,) x_min, y_min, x_max, y_max of the part.
        width_px: Of the image.
        height_px: Of the image.
        margin: Width and height are at least so many times those of the part.
        least_px: And the width is at least so much, where the image has it.
    """
    x_min, y_min, x_max, y_max = outline_px
    aspect = width_px / height_px
    wide_px = max(margin * (x_max - x_min), margin * (y_max - y_min) * aspect, least_px)
    wide = int(min(round(wide_px), width_px))
    high = int(min(round(wide / aspect), height_px))
    left = int(np.clip((x_min + x_max - wide) / 2, 0, width_px - wide))
    top = int(np.clip((y_min + y_max - high) / 2, 0, height_px - high))
    return slice(top, top + high), slice(left, left + wide)
