"""Where a spinning LiDAR's pulses go, and when."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.simulation.sensors.rig import SWEEP_END_YAW_DEG, SWEEP_PERIOD_US


@dataclass(frozen=True, eq=False)
class BeamPattern:
    """Pulses of one revolution, P = azimuth steps x B: clockwise from behind, beams inner.

    Args:
        elevation_deg: (B,) of the beams, the lowest first.
        azimuth_steps: Pulses of each beam.
    """

    elevation_deg: NDArrayFloat
    azimuth_steps: int

    @property
    def beams(self) -> int:
        """Number of beams."""
        return len(self.elevation_deg)

    @cached_property
    def directions(self) -> NDArrayFloat:
        """Unit vectors (P, 3) in the sensor frame.

        The sensor's y axis points forward, so azimuth is measured from it.
        """
        azimuth = self._azimuth_rad[:, None]
        elevation = np.deg2rad(self.elevation_deg)[None, :]
        directions = np.stack(
            [
                np.sin(azimuth) * np.cos(elevation),
                np.cos(azimuth) * np.cos(elevation),
                np.sin(elevation) + 0 * azimuth,
            ],
            axis=-1,
        )
        return np.asarray(directions.reshape(-1, 3))

    @cached_property
    def ring(self) -> NDArrayInt:
        """Beam (P,) of each pulse, 0 is the lowest."""
        return np.tile(np.arange(self.beams), self.azimuth_steps)

    @cached_property
    def time_offset_s(self) -> NDArrayFloat:
        """When each pulse (P,) leaves, against the sweep's time stamp; never positive.

        As cameras do, see `rig`: the stamp is the moment at which the beam ends its turn.
        """
        yaw_deg = -np.rad2deg(self._azimuth_rad)
        turn = ((yaw_deg - SWEEP_END_YAW_DEG) % 360) / 360
        return np.repeat(-turn * SWEEP_PERIOD_US / 1e6, self.beams)

    @property
    def _azimuth_rad(self) -> NDArrayFloat:
        return np.asarray(np.pi + 2 * np.pi * np.arange(self.azimuth_steps) / self.azimuth_steps)


# By number of beams: Velodyne's HDL-32E as nuScenes turns it, and Hesai's Pandar64, dense about
# the horizon, with the 0.2 degrees between pulses that PandaSet has.
PATTERNS: Final = {
    32: BeamPattern(np.linspace(-30.67, 10.67, 32), 1086),
    64: BeamPattern(
        np.concatenate(
            [[-25.0, -19.0], np.arange(-14.0, -6.0), np.linspace(-6.0, 2.0, 49), [3, 5, 8, 11, 15]]
        ),
        1800,
    ),
}
