"""Boxes on a plane before one camera and a LiDAR, with what both see of them by construction."""

from typing import NamedTuple

import cv2
import numpy as np

from cm3d.geometry.cuboids import Cuboids, box_corners
from cm3d.lift.fit.footprints import Candidates

WIDTH_PX, HEIGHT_PX, FOCAL_PX = 800, 450, 600
BEARING_RAD = {"front": 0.0, "left": np.deg2rad(65)}  # images overlap by about 2 degrees
CAMERA_M, LIDAR_M = np.array([0, 0, 1.5]), np.array([0, 0, 1.8])


class Solid(NamedTuple):
    """A box that stands on the ground z = 0."""

    x_m: float
    y_m: float
    yaw_rad: float = 0.0
    length_m: float = 4.5
    width_m: float = 1.8
    height_m: float = 1.5
    class_name: str = "car"

    def corners_m(self) -> np.ndarray:
        center_m = np.array([[self.x_m, self.y_m, self.height_m / 2]])
        sides = np.array([[self.length_m], [self.width_m], [self.height_m], [self.yaw_rad]])
        return box_corners(Cuboids(center_m, *sides))[0]

    def to_global(self, along_m: np.ndarray, across_m: np.ndarray) -> np.ndarray:
        cosine, sine = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        xy_m = [cosine * along_m - sine * across_m, sine * along_m + cosine * across_m]
        return np.column_stack(xy_m) + np.array([self.x_m, self.y_m])

    def footprint(self) -> Candidates:
        """As one candidate, (1, 1)."""
        return Candidates(*(np.full((1, 1), value) for value in self[:5]))

    def seen_points_m(self, spacing_m: float = 0.15) -> np.ndarray:
        """Points on the faces that the LiDAR sees, in rows at four heights."""
        along_m, across_m = (
            np.linspace(-side / 2, side / 2, int(side / spacing_m) + 2)
            for side in (self.length_m, self.width_m)
        )
        toward = self.footprint().in_box_frame(LIDAR_M[0], LIDAR_M[1])
        faces = [np.empty((0, 2))]
        if abs(toward[0]) > self.length_m / 2:
            end_m = np.full_like(across_m, np.sign(toward[0]) * self.length_m / 2)
            faces.append(self.to_global(end_m, across_m))
        if abs(toward[1]) > self.width_m / 2:
            side_m = np.full_like(along_m, np.sign(toward[1]) * self.width_m / 2)
            faces.append(self.to_global(along_m, side_m))
        xy_m = np.concatenate(faces)
        heights_m = np.linspace(0.3, 0.9, 4) * self.height_m
        return np.column_stack([np.tile(xy_m, (4, 1)), np.repeat(heights_m, len(xy_m))])

    def hides(self, points_m: np.ndarray) -> np.ndarray:
        """Which points the LiDAR cannot see for this box, by walking along the rays."""
        share = np.linspace(0, 1, 120)[None, :, None]
        walk_m = LIDAR_M + share * (points_m[:, None] - LIDAR_M)
        boxes = Candidates(*(np.array(value) for value in self[:5]))
        along_m, across_m = boxes.in_box_frame(walk_m[..., 0], walk_m[..., 1])
        inside = (np.abs(along_m) < self.length_m / 2) & (np.abs(across_m) < self.width_m / 2)
        return (inside & (walk_m[..., 2] < self.height_m)).any(axis=1)


def to_pixels(points_m: np.ndarray, bearing_rad: float = 0.0) -> np.ndarray:
    """Pixels (N, 2) of points by hand; the camera looks along x or to the left of it."""
    x_m, y_m = points_m[:, 0], points_m[:, 1]
    cosine, sine = np.cos(bearing_rad), np.sin(bearing_rad)
    ahead_m, left_m = cosine * x_m + sine * y_m, cosine * y_m - sine * x_m
    u = WIDTH_PX / 2 - FOCAL_PX * left_m / ahead_m
    return np.column_stack([u, HEIGHT_PX / 2 - FOCAL_PX * (points_m[:, 2] - CAMERA_M[2]) / ahead_m])


def outline(solid: Solid, camera: str = "front") -> np.ndarray:
    """Image of a solid, filled."""
    image = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    hull = cv2.convexHull(to_pixels(solid.corners_m(), BEARING_RAD[camera]).astype(np.float32))
    return cv2.fillConvexPoly(image, np.floor(hull).astype(np.int32), 1)
