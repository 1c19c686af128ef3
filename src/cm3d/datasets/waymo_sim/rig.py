"""Waymo's sensors, rounded, on the car that drives through the simulated towns.

The car's frame is the simulator's: x forward, y left, z up, origin on the ground under the rear
axle. A frame's time is that at which the beam of the top LiDAR looks ahead; cameras fire as it
passes them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from cm3d.datasets.waymo import components
from cm3d.datasets.waymo.range_images import Laser
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.rig import CameraMount, Spin

FRAME_PERIOD_US: Final = 100_000

# It begins and ends behind the car.
_SPIN: Final = Spin(FRAME_PERIOD_US, -180.0, FRAME_PERIOD_US // 2)
_LARGE_PX, _WIDE_PX = (1920, 1280), (1920, 886)

CAMERAS: Final = (
    CameraMount("FRONT", 0, (1.54, -0.02, 2.12), 2055, (940, 641), _LARGE_PX, _SPIN),
    CameraMount("FRONT_LEFT", 45, (1.49, 0.09, 2.12), 2063, (968, 643), _LARGE_PX, _SPIN),
    CameraMount("FRONT_RIGHT", -45, (1.49, -0.10, 2.12), 2059, (958, 637), _LARGE_PX, _SPIN),
    CameraMount("SIDE_LEFT", 90, (1.43, 0.11, 2.12), 2055, (961, 247), _WIDE_PX, _SPIN),
    CameraMount("SIDE_RIGHT", -90, (1.43, -0.11, 2.12), 2053, (952, 246), _WIDE_PX, _SPIN),
)


@dataclass(frozen=True, eq=False)
class Scanner:
    """A LiDAR and what its range image looks like.

    Args:
        laser: How it is mounted.
        height: Rows of the image.
        width: Columns, a whole turn.
        max_range_m: How far it sees.
        view_rad: How far to either side of its own x axis; the car hides the rest.
        turns: Whether it measures one direction after the other, and not all at once.
    """

    laser: Laser
    height: int
    width: int
    max_range_m: float
    view_rad: float = np.pi
    turns: bool = False

    @cached_property
    def columns(self) -> NDArrayInt:
        """(C,) columns within view, clockwise."""
        azimuth = self.laser.azimuths_rad(self.width)
        return np.flatnonzero(np.cos(azimuth) >= np.cos(self.view_rad))

    @cached_property
    def directions(self) -> NDArrayFloat:
        """Unit vectors (C, H, 3) in the LiDAR's frame, of columns within view."""
        azimuth = self.laser.azimuths_rad(self.width)[self.columns, None]
        inclination = self.laser.inclinations_rad(self.height)[None]
        parts = (
            np.cos(azimuth) * np.cos(inclination),
            np.sin(azimuth) * np.cos(inclination),
            np.sin(inclination) + 0 * azimuth,
        )
        return np.asarray(np.stack(parts, axis=-1))


def _beams_rad(lowest_deg: float, highest_deg: float, count: int) -> NDArrayFloat:
    """Inclinations from the lowest up, three times as dense at the top as at the bottom."""
    down = np.linspace(1, 0, count)
    return np.asarray(np.deg2rad(highest_deg - (highest_deg - lowest_deg) * (down + down**2) / 2))


def _top() -> Scanner:
    """64 beams, every second direction of Waymo's 2650."""
    beams_rad = _beams_rad(-17.6, 2.4, 64)
    mounted = SE3.from_yaw(np.deg2rad(148), np.array([1.43, 0.0, 2.18]))
    laser = Laser(components.TOP, mounted, beams_rad[0], beams_rad[-1], beams_rad)
    return Scanner(laser, 64, 1325, 75.0, turns=True)


def _short_range(name: int, yaw_deg: float, position_m: tuple[float, float, float]) -> Scanner:
    """Half of the rows and of the columns of Waymo's images, 200 x 600."""
    mounted = SE3.from_yaw(np.deg2rad(yaw_deg), np.array(position_m))
    laser = Laser(name, mounted, np.deg2rad(-90), np.deg2rad(30))
    return Scanner(laser, 100, 300, 20.0, np.pi / 2)


SCANNERS: Final = (
    _top(),
    _short_range(2, 0, (4.07, 0.0, 0.69)),
    _short_range(3, 90, (3.25, 1.03, 0.98)),
    _short_range(4, -90, (3.25, -1.03, 0.98)),
    _short_range(5, 180, (-1.16, 0.0, 0.46)),
)
