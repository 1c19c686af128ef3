"""What is around the vehicle, seen from above: forward is up, left is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from cm3d.drawing.canvas import FAINT, Color, Word, blank, draw_lines, write_words
from cm3d.geometry.arrays import NDArrayByte, NDArrayFloat
from cm3d.geometry.cuboids import Cuboids, bev_corners, rotate_xy

_RING_STEP_M: Final = 20.0
_LOW_M, _HIGH_M = -0.5, 3.5  # heights above the vehicle's ground that shades tell apart
_DARKEST, _BRIGHTEST = 62, 190


@dataclass(frozen=True)
class Plan:
    """A square of ground on a square of pixels.

    Args:
        center_m: x, y of the vehicle.
        yaw_rad: Where it looks.
        reach_m: From the centre to the edges.
        side_px: Of the image.
    """

    center_m: tuple[float, float]
    yaw_rad: float
    reach_m: float
    side_px: int

    def pixels(self, xy_m: NDArrayFloat) -> NDArrayFloat:
        """x, y in the image (..., 2) of places (..., 2)."""
        ahead_left_m = rotate_xy(xy_m - self.center_m, np.full(xy_m.shape[:-1], -self.yaw_rad))
        scale = self.side_px / (2 * self.reach_m)
        return self.side_px / 2 - scale * ahead_left_m[..., ::-1]

    def blank(self) -> NDArrayByte:
        """An image with rings at each 20 m and the vehicle in the middle."""
        image = blank(self.side_px, self.side_px)
        scale, middle = self.side_px / (2 * self.reach_m), self.side_px // 2
        words = []
        for ring in range(1, 1 + int(self.reach_m * 1.4 // _RING_STEP_M)):
            radius_px = round(ring * _RING_STEP_M * scale)
            cv2.circle(image, (middle, middle), radius_px, (38, 43, 50), 1, cv2.LINE_AA)
            if radius_px < middle:
                text = f"{ring * _RING_STEP_M:.0f} m"
                words.append(Word(middle + 3, middle - radius_px + 1, text, FAINT, 11))
        write_words(image, words)
        arrow = np.array([[0.0, -2.2], [-1.0, 1.8], [0.0, 0.9], [1.0, 1.8]]) * max(scale, 3.0)
        draw_lines(image, (arrow + middle)[None], (200, 205, 212), closed=True)
        return image


def draw_points(image: NDArrayByte, plan: Plan, xyz_m: NDArrayFloat, ground_m: float) -> None:
    """Draw points (P, 3), the higher the brighter and above the lower.

    Args:
        image: Of the plan.
        plan: Where it is.
        xyz_m: The points.
        ground_m: Height of the ground under the vehicle.
    """
    column, row = np.floor(plan.pixels(xyz_m[:, :2])).astype(np.int64).T
    inside = (column >= 0) & (column < plan.side_px) & (row >= 0) & (row < plan.side_px)
    share = np.clip((xyz_m[inside, 2] - ground_m - _LOW_M) / (_HIGH_M - _LOW_M), 0, 1)
    shade = np.zeros(image.shape[:2])
    np.maximum.at(shade, (row[inside], column[inside]), _DARKEST + share * (_BRIGHTEST - _DARKEST))
    np.copyto(image, shade.astype(np.uint8)[..., None], where=(shade > 0)[..., None])


def draw_footprints(
    image: NDArrayByte, plan: Plan, boxes: Cuboids, color: Color, thickness_px: int = 1
) -> None:
    """Draw boxes, each with a line from its middle out of its front."""
    near = np.abs(boxes.center_m[:, :2] - plan.center_m).max(axis=1, initial=0) < 1.5 * plan.reach_m
    boxes = boxes[near]
    draw_lines(image, plan.pixels(bev_corners(boxes)), color, thickness_px, closed=True)
    front_m = np.stack([0.5 * boxes.length_m + 0.6, np.zeros(len(boxes))], axis=1)
    front_m = boxes.center_m[:, :2] + rotate_xy(front_m, boxes.yaw_rad)
    lines_m = np.stack([boxes.center_m[:, :2], front_m], axis=1)
    draw_lines(image, plan.pixels(lines_m), color, thickness_px)


def draw_paths(
    image: NDArrayByte, plan: Plan, paths_m: Sequence[NDArrayFloat], color: Color, dots: bool
) -> None:
    """Draw ways (P, 2) over the ground, with a dot at each point if wanted."""
    paths_px = [plan.pixels(path_m) for path_m in paths_m]
    seen = [path for path in paths_px if ((path >= 0) & (path < plan.side_px)).all(axis=1).any()]
    draw_lines(image, seen, color)
    if dots:
        for x_px, y_px in np.rint(np.concatenate([np.empty((0, 2)), *seen])).astype(int).tolist():
            cv2.circle(image, (x_px, y_px), 2, color, -1, cv2.LINE_AA)
