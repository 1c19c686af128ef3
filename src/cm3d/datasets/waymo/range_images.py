"""Range images: which direction a pixel looks in, from pixels to points and back."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3

Image: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

# of a range image, before the flag of no-label zones
RANGE, INTENSITY, ELONGATION = range(3)
CHANNELS = 4
NO_RETURN = -1.0
POSE_CHANNELS = 6  # roll, pitch, yaw, x, y, z


@dataclass(frozen=True, eq=False)
class Laser:
    """One LiDAR, as it is mounted.

    Args:
        name: Its number.
        vehicle_SE3_lidar: Its pose on the car.
        lowest_rad: Inclination at the lower edge of its view.
        highest_rad: At the upper edge.
        beams_rad: (H,) inclination of each beam, from the lowest up; None: evenly spread.
    """

    name: int
    vehicle_SE3_lidar: SE3
    lowest_rad: float
    highest_rad: float
    beams_rad: NDArrayFloat | None = None

    def inclinations_rad(self, height: int) -> NDArrayFloat:
        """(H,) of the rows of an image: the uppermost beam is row 0."""
        beams_rad = self.beams_rad
        if beams_rad is None:
            shares = (np.arange(height) + 0.5) / height
            beams_rad = self.lowest_rad + shares * (self.highest_rad - self.lowest_rad)
        return np.asarray(beams_rad, dtype=np.float64)[::-1]

    def azimuths_rad(self, width: int) -> NDArrayFloat:
        """(W,) of the columns in the LiDAR's frame; the middle one looks where the car does."""
        shares = (width - np.arange(width) - 0.5) / width
        return (2 * shares - 1) * np.pi - self._heading_rad

    @property
    def _heading_rad(self) -> float:
        rotation = self.vehicle_SE3_lidar.rotation
        return float(np.arctan2(rotation[1, 0], rotation[0, 0]))


def points_of_image(
    image: Image,
    laser: Laser,
    pixel_pose: Image | None = None,
    global_SE3_vehicle: SE3 | None = None,
) -> NDArrayFloat:
    """The returns (N, 5) of a range image: x, y, z in the car's frame, intensity, elongation.

    Args:
        image: (H, W, 4) range in metres, intensity, elongation, flag; no return where range <= 0.
        laser: What made it.
        pixel_pose: (H, W, 6) roll, pitch, yaw, x, y, z of the car in the global frame when each
            pixel was measured; None: the car stood still.
        global_SE3_vehicle: Pose of the car that the points are wanted at, with `pixel_pose`.
    """
    row, column = np.nonzero(image[..., RANGE] > 0)
    returns = image[row, column].astype(np.float64)
    inclination = laser.inclinations_rad(image.shape[0])
    azimuth = laser.azimuths_rad(image.shape[1])
    flat_m = returns[:, RANGE] * np.cos(inclination)[row]
    points_m = np.column_stack(
        [
            flat_m * np.cos(azimuth)[column],
            flat_m * np.sin(azimuth)[column],
            returns[:, RANGE] * np.sin(inclination)[row],
        ]
    )
    points_m = laser.vehicle_SE3_lidar.transform_points(points_m)
    if pixel_pose is not None and global_SE3_vehicle is not None:
        # far from the origin of the global frame single precision is worth millimetres
        global_m = _moved(points_m, pixel_pose[row, column].astype(np.float64))
        points_m = global_SE3_vehicle.inverse().transform_points(global_m)
    return np.column_stack([points_m, returns[:, [INTENSITY, ELONGATION]]])


def _moved(points_m: NDArrayFloat, poses: NDArrayFloat) -> NDArrayFloat:
    """Points (N, 3), each by its own pose of (N, 6): by roll, then pitch, then yaw."""
    x, y, z = points_m.T
    angles = np.ascontiguousarray(poses[:, :3].T)
    (sin_r, sin_p, sin_y), (cos_r, cos_p, cos_y) = np.sin(angles), np.cos(angles)
    y, z = cos_r * y - sin_r * z, sin_r * y + cos_r * z
    x, z = cos_p * x + sin_p * z, cos_p * z - sin_p * x
    x, y = cos_y * x - sin_y * y, sin_y * x + cos_y * y
    return np.asarray(np.column_stack([x, y, z]) + poses[:, 3:])


def image_of_points(
    points: NDArrayFloat, laser: Laser, height: int, width: int
) -> tuple[Image, Image]:
    """The nearest and the second nearest return of each pixel, two range images (H, W, 4).

    Args:
        points: (N, 5) x, y, z in the LiDAR's own frame when they were measured, intensity,
            elongation.
        laser: What measures.
        height: Number of its beams.
        width: Directions per turn.
    """
    range_m = np.linalg.norm(points[:, :3], axis=1)
    order = np.argsort(range_m, kind="stable")
    order = order[range_m[order] > 0]
    points, range_m = points[order], range_m[order]
    inclination = np.arcsin(points[:, 2] / range_m)
    row = np.abs(inclination[:, None] - laser.inclinations_rad(height)).argmin(axis=1)
    heading = laser.azimuths_rad(width)[0]
    turn = (heading - np.arctan2(points[:, 1], points[:, 0])) / (2 * np.pi)
    column = np.rint(turn * width).astype(np.int64) % width
    images = np.zeros((2, height, width, CHANNELS), dtype=np.float32)
    images[..., RANGE] = NO_RETURN
    pixel, rest = row * width + column, np.arange(len(points))
    for image in images:
        first = rest[np.unique(pixel[rest], return_index=True)[1]]
        flag = np.full(len(first), -1.0)  # in no zone without labels
        values = np.column_stack([range_m[first], points[first, 3:5], flag])
        image[row[first], column[first]] = values
        rest = np.setdiff1d(rest, first)
    return images[0], images[1]
