"""The LiDAR in a world of one plane and a few boxes."""

import numpy as np
import pytest

from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.lidar import AZIMUTH_STEPS, BEAMS, beam_directions, scan
from cm3d.simulation.sensors.rig import EGO_SE3_LIDAR
from cm3d.simulation.sensors.snapshot import IndexedWorld

HEIGHT_M = 1.84023
GLOBAL_SE3_LIDAR = SE3.from_yaw(0.0, np.array([100.0, 100.0, 0.0])) @ EGO_SE3_LIDAR


@pytest.fixture(scope="module")
def noiseless(small):
    return small.model_copy(update={"lidar_range_noise_m": 0.0, "lidar_dropout": 0.0})


def _scan(world, params, seed=0, pose=GLOBAL_SE3_LIDAR):
    return scan(IndexedWorld(world).at(0.0), pose, params, np.random.default_rng(seed))


def test_beam_pattern():
    beams = beam_directions().reshape(AZIMUTH_STEPS, BEAMS, 3)
    assert beams.shape[0] * beams.shape[1] == 34_752
    elevation_deg = np.rad2deg(np.arcsin(beams[0, :, 2]))
    np.testing.assert_allclose(elevation_deg[[0, -1]], [-30.67, 10.67])
    np.testing.assert_allclose(np.diff(elevation_deg), 41.34 / 31)
    # Starts behind the car (-y) and turns clockwise, so towards the left (-x).
    assert beams[0, 0, 1] < 0 and beams[1, 0, 0] < 0
    np.testing.assert_allclose(np.linalg.norm(beams, axis=2), 1)


def test_ground_rings_have_the_radii_of_their_elevations(make_world, noiseless):
    points = _scan(make_world([]), noiseless).points
    np.testing.assert_allclose(points[:, 2], -HEIGHT_M, atol=1e-4)
    lowest = points[points[:, 4] == 0]
    expected_m = HEIGHT_M / np.tan(np.deg2rad(30.67))
    np.testing.assert_allclose(np.hypot(lowest[:, 0], lowest[:, 1]), expected_m, rtol=1e-4)
    # Only beams below the horizon meet the ground.
    assert points[:, 4].max() == 22
    # Reflectivity 0.2 times the sine of the elevation.
    assert set(lowest[:, 3]) == {round(255 * 0.2 * np.sin(np.deg2rad(30.67)))}


def test_car_ahead_is_on_the_y_axis_at_its_distance(make_world, make_actor, noiseless):
    sweep = _scan(make_world([make_actor(5, (112.943713, 100.0))]), noiseless)
    on_car = sweep.points[sweep.instance_id == 5]
    # The sensor is 0.943713 m ahead of the ego origin, the car's tail 2 m before its centre.
    assert on_car[:, 1].min() == pytest.approx(10.0, abs=1e-4)
    assert np.abs(on_car[:, 0]).max() <= 1.0 + 1e-4
    assert len(on_car) > 100


def test_nearer_car_hides_the_farther(make_world, make_actor, noiseless):
    near, far = make_actor(1, (110.0, 100.0)), make_actor(2, (120.0, 100.0))
    low = SE3(GLOBAL_SE3_LIDAR.rotation, GLOBAL_SE3_LIDAR.translation_m - [0, 0, 1.0])
    sweep = _scan(make_world([near, far]), noiseless, pose=low)
    assert set(sweep.instance_id) == {0, 1}


def test_dropout_and_noise_have_the_given_size(make_world, noiseless):
    world = make_world([])
    clean = _scan(world, noiseless)
    noisy = _scan(world, noiseless.model_copy(update={"lidar_range_noise_m": 0.05}))
    ranges_m = [np.linalg.norm(sweep.points[:, :3], axis=1) for sweep in (clean, noisy)]
    assert np.std(ranges_m[1] - ranges_m[0]) == pytest.approx(0.05, rel=0.05)
    half = _scan(world, noiseless.model_copy(update={"lidar_dropout": 0.5}))
    assert len(half.points) / len(clean.points) == pytest.approx(0.5, abs=0.03)


def test_far_ground_fades(make_world, noiseless):
    rings = _scan(make_world([]), noiseless).points[:, 4]
    counts = np.bincount(rings.astype(int), minlength=23)
    assert counts[0] > 0.98 * AZIMUTH_STEPS
    assert counts[22] < 0.5 * AZIMUTH_STEPS


def test_same_generator_same_bytes(make_world, make_actor, small):
    world = make_world([make_actor(1, (110.0, 95.0), 0.4)])
    first, second, other = (_scan(world, small, seed).points for seed in (3, 3, 4))
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_points_are_as_the_format_wants_them(make_world, small):
    points = _scan(make_world([]), small).points
    assert points.dtype == np.float32 and points.shape[1] == 5
    assert 0 <= points[:, 3].min() and points[:, 3].max() <= 255
