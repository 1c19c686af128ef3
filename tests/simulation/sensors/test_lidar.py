"""The LiDAR in a world of one plane and a few boxes."""

from dataclasses import replace

import numpy as np
import pytest

from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.beams import PATTERNS
from cm3d.simulation.sensors.echoes import Echoes
from cm3d.simulation.sensors.lidar import mixed, scan
from cm3d.simulation.sensors.rig import EGO_SE3_LIDAR
from cm3d.simulation.sensors.snapshot import IndexedWorld
from cm3d.simulation.traffic.trajectory import Trajectory

HEIGHT_M = 1.84023
GLOBAL_SE3_LIDAR = SE3.from_yaw(0.0, np.array([100.0, 100.0, 0.0])) @ EGO_SE3_LIDAR


@pytest.fixture(scope="module")
def noiseless(small):
    """A LiDAR that errs in nothing."""
    off = ("range_noise_m", "dropout", "body_recess_m", "glass_transmission", "mixed_share")
    return small.model_copy(update={f"lidar_{name}": 0.0 for name in off} | {"lidar_smear": False})


def _scan(world, params, seed=0, pose=GLOBAL_SE3_LIDAR):
    return scan(IndexedWorld(world).at(0.0), pose, params, np.random.default_rng(seed))


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
    assert counts[0] > 0.98 * PATTERNS[32].azimuth_steps
    assert counts[22] < 0.5 * PATTERNS[32].azimuth_steps


def test_same_generator_same_bytes(make_world, make_actor, small):
    world = make_world([make_actor(1, (110.0, 95.0), 0.4)])
    first, second, other = (_scan(world, small, seed).points for seed in (3, 3, 4))
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_points_are_as_the_format_wants_them(make_world, small):
    points = _scan(make_world([]), small).points
    assert points.dtype == np.float32 and points.shape[1] == 5
    assert 0 <= points[:, 3].min() and points[:, 3].max() <= 255


def _echoes(distance_m, face=None):
    """These echoes of one beam in turning order, and how many there are."""
    distance_m = np.array(distance_m, dtype=np.float32)
    face = np.zeros(len(distance_m), dtype=np.int32) if face is None else np.array(face)
    return Echoes(face, distance_m, np.ones_like(distance_m)), (len(distance_m), 1)


def test_mixed_pixels_lie_between_neighbours_of_one_beam():
    echoes, shape = _echoes([10.0, 10.1, 11.1, 11.1, 20.0])
    half = mixed(echoes, shape, np.full(5, 0.5))
    # 10.1 is at a step of 1 m; 11.1 to 20 is too far apart to melt, 10 to 10.1 is no step.
    np.testing.assert_allclose(half, [10.0, 10.6, 11.1, 11.1, 20.0], atol=1e-5)
    np.testing.assert_allclose(mixed(echoes, shape, np.zeros(5)), echoes.distance_m)


def test_nothing_mixes_with_what_returns_nothing():
    echoes, shape = _echoes([10.0, 11.0, 12.0], face=[3, -1, 3])
    # Only the last is beside another return: the first, a turn later.
    np.testing.assert_allclose(mixed(echoes, shape, np.full(3, 0.5)), [10, 11, 11])


def test_mixed_share_is_as_asked(make_world, make_actor, noiseless):
    world = make_world([make_actor(5, (112.943713, 100.0)), make_actor(6, (115.5, 103.0))])
    clean = _scan(world, noiseless).points
    few, all_ = (
        _scan(world, noiseless.model_copy(update={"lidar_mixed_share": share})).points
        for share in (0.25, 1.0)
    )
    moved = [(np.abs(other - clean)[:, :3] > 1e-4).any(axis=1).sum() for other in (few, all_)]
    assert moved[1] > 20
    assert moved[0] / moved[1] == pytest.approx(0.25, abs=0.15)


def test_what_moves_is_where_it_was_when_the_beam_passed(make_world, make_actor, noiseless):
    car = make_actor(5, (112.943713, 100.0))
    # 10 m/s along the way of the ego vehicle, at this place at time 0.
    times_s = np.linspace(-1, 1, 5)
    xy_m = np.column_stack([112.943713 + 10 * times_s, np.full(5, 100.0)])
    driving = replace(car, trajectory=Trajectory(times_s, xy_m, np.zeros(5)))
    world = make_world([driving])
    sharp = _scan(world, noiseless)
    smeared = _scan(world, noiseless.model_copy(update={"lidar_smear": True}))
    moved_m = (smeared.points - sharp.points)[:, :3]
    np.testing.assert_array_equal(moved_m[sharp.instance_id == 0], 0)
    # The sensor's y is forward. Straight ahead is 106 degrees, so 14.7 ms, before the stamp's.
    on_car_m = moved_m[sharp.instance_id == 5]
    expected_m = -10 * 0.05 * (360 - 106) / 360
    np.testing.assert_allclose(on_car_m[:, 1].mean(), expected_m, atol=0.005)
    assert 0.001 < np.ptp(on_car_m[:, 1]) < 0.05
    np.testing.assert_allclose(on_car_m[:, [0, 2]], 0, atol=1e-5)


def test_what_stands_is_not_smeared(make_world, make_actor, noiseless):
    world = make_world([make_actor(5, (112.943713, 100.0))])
    sharp, smeared = (
        _scan(world, noiseless.model_copy(update={"lidar_smear": smear})) for smear in (False, True)
    )
    np.testing.assert_array_equal(sharp.points, smeared.points)


def test_sixty_four_beams_see_more(make_world, make_actor, noiseless):
    world = make_world([make_actor(5, (130.0, 100.0))])
    few, many = (
        _scan(world, noiseless.model_copy(update={"lidar_beams": beams})) for beams in (32, 64)
    )
    assert many.points[:, 4].max() <= 63
    assert np.sum(many.instance_id == 5) > 5 * np.sum(few.instance_id == 5)
