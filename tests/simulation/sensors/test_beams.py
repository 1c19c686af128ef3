"""Directions and times of the pulses."""

import numpy as np
import pytest

from cm3d.simulation.sensors.beams import PATTERNS
from cm3d.simulation.sensors.rig import CAMERAS


def test_pattern_of_nuscenes():
    pattern = PATTERNS[32]
    beams = pattern.directions.reshape(pattern.azimuth_steps, pattern.beams, 3)
    assert beams.shape == (1086, 32, 3)
    elevation_deg = np.rad2deg(np.arcsin(beams[0, :, 2]))
    np.testing.assert_allclose(elevation_deg[[0, -1]], [-30.67, 10.67])
    np.testing.assert_allclose(np.diff(elevation_deg), 41.34 / 31)
    # Starts behind the car (-y) and turns clockwise, so towards the left (-x).
    assert beams[0, 0, 1] < 0 and beams[1, 0, 0] < 0
    np.testing.assert_allclose(np.linalg.norm(beams, axis=2), 1)
    assert pattern.ring[:33].tolist() == [*range(32), 0]


def test_pattern_of_pandaset_is_dense_about_the_horizon():
    elevation_deg = PATTERNS[64].elevation_deg
    assert len(elevation_deg) == PATTERNS[64].beams == 64
    assert (np.diff(elevation_deg) > 0).all()
    assert elevation_deg[[0, -1]].tolist() == [-25, 15]
    middle = (elevation_deg >= -6) & (elevation_deg <= 2)
    np.testing.assert_allclose(np.diff(elevation_deg[middle]), 1 / 6)
    assert 360 / PATTERNS[64].azimuth_steps == pytest.approx(0.2)


@pytest.mark.parametrize("beams", PATTERNS)
def test_pulses_leave_when_cameras_of_their_direction_fire(beams):
    pattern = PATTERNS[beams]
    # The sensor looks along y, the ego vehicle along x: yaw from the forward direction.
    yaw_deg = np.rad2deg(np.arctan2(-pattern.directions[:, 0], pattern.directions[:, 1]))
    for mount in CAMERAS:
        apart_deg = np.abs((yaw_deg - mount.yaw_deg + 180) % 360 - 180)
        nearest = pattern.time_offset_s[np.argmin(apart_deg)]
        assert nearest == pytest.approx(mount.time_offset_us() / 1e6, abs=1e-4)
    assert pattern.time_offset_s.min() >= -0.05 and pattern.time_offset_s.max() <= 0
