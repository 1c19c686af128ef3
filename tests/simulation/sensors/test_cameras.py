"""Images and visibility in a world of one plane and a few boxes."""

import dataclasses

import numpy as np
import pytest

from cm3d.geometry.cameras import project_points
from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.cameras import take_picture
from cm3d.simulation.sensors.daylight import CLEAR_DAY, rgb, texture_lattice
from cm3d.simulation.sensors.lidar import scan
from cm3d.simulation.sensors.rig import CAMERAS, EGO_SE3_LIDAR
from cm3d.simulation.sensors.shading import develop, sky, value_noise
from cm3d.simulation.sensors.snapshot import IndexedWorld
from cm3d.simulation.sensors.visibility import (
    Sight,
    look,
    sample_surfaces,
    union,
    visibility_level,
    visible_share,
)

FRONT = next(mount for mount in CAMERAS if mount.channel == "CAM_FRONT")
GLOBAL_SE3_EGO = SE3.from_yaw(0.0, np.array([100.0, 100.0, 0.0]))
GLOBAL_SE3_FRONT = GLOBAL_SE3_EGO @ FRONT.ego_SE3_camera()
SCALE = 0.25


def _picture(world, seed=0):
    rng = np.random.default_rng(seed)
    return take_picture(IndexedWorld(world).at(0.0), FRONT, SCALE, GLOBAL_SE3_FRONT, rng)


def _sight(world):
    samples = sample_surfaces(world.actors)
    return look(IndexedWorld(world).at(0.0), samples, FRONT, GLOBAL_SE3_FRONT)


def test_car_covers_the_pixels_that_its_tail_projects_to(make_world, make_actor):
    # Tail 10 m before the camera, 2 m wide, from the ground to 1.6 m; the camera is at 1.51 m,
    # so neither roof nor flanks add much.
    picture = _picture(make_world([make_actor(9, (113.70, 100.02))]))
    rows, columns = np.nonzero(picture.instance_id == 9)
    focal_px, (u, v) = FRONT.focal_px * SCALE, np.array(FRONT.center_px) * SCALE
    assert columns.min() == pytest.approx(u - focal_px / 10, abs=1)
    assert columns.max() == pytest.approx(u + focal_px / 10, abs=1)
    assert rows.min() == pytest.approx(v - focal_px * 0.09 / 10, abs=1)
    assert rows.max() == pytest.approx(v + focal_px * 1.51 / 10, abs=1)
    assert picture.instance_id.dtype == np.uint16 and picture.rgb.shape == (225, 400, 3)


def test_nearer_car_stands_before_the_farther(make_world, make_actor):
    near, far = make_actor(1, (110.0, 100.0)), make_actor(2, (120.0, 102.5))
    alone = _picture(make_world([far])).instance_id == 2
    both = _picture(make_world([near, far])).instance_id
    assert 0 < np.sum(both == 2) < np.sum(alone)
    assert not np.any((both == 2) & ~alone)


def test_sky_above_ground_below_and_shadow_beside(make_world, make_actor):
    empty = _picture(make_world([])).rgb.astype(int)
    assert empty[5, :, 2].mean() > empty[5, :, 0].mean()
    assert empty[5].mean() > empty[-5].mean() + 30
    # The sun stands behind and to the right, so the car's shadow falls on the ground ahead left.
    shaded = _picture(make_world([make_actor(1, (112.0, 96.0))]))
    darker = (shaded.rgb.astype(int).sum(axis=2) < 0.8 * empty.sum(axis=2)) & (
        shaded.instance_id == 0
    )
    assert darker.sum() > 20


def test_noise_comes_from_the_generator_alone(make_world, make_actor):
    world = make_world([make_actor(1, (112.0, 96.0))])
    first, second, other = (_picture(world, seed).rgb.tobytes() for seed in (1, 1, 2))
    assert first == second != other


def test_develop_and_sky():
    np.testing.assert_allclose(develop(np.array([[0, 0.25, 2.0]], np.float32)), [[0, 127.5, 255]])
    up, level = sky(np.array([[0, 0, 1], [1, 0, 0]], np.float32), CLEAR_DAY)
    assert up[2] > up[0] and level.sum() > up.sum()


def test_value_noise_is_smooth_bounded_and_periodic():
    positions = np.random.default_rng(0).uniform(-50, 50, (1000, 3))
    lattice = texture_lattice(0)
    values = value_noise(positions, lattice)
    assert np.abs(values).max() <= 1 and values.std() > 0.2
    np.testing.assert_allclose(value_noise(positions + 64, lattice), values, atol=1e-5)
    assert np.abs(value_noise(positions + 0.01, lattice) - values).max() < 0.1


def test_weather_changes_the_colours_but_not_the_outlines(make_world, make_actor):
    snapshot = IndexedWorld(make_world([make_actor(4, (115.0, 101.0), 0.3)])).at(0.0)
    night = dataclasses.replace(
        CLEAR_DAY, sun=rgb(0, 0, 0), sky_light=rgb(0.02, 0.02, 0.02), ground_light=rgb(0, 0, 0)
    )
    pictures = [
        take_picture(snapshot, FRONT, SCALE, GLOBAL_SE3_FRONT, np.random.default_rng(0), light)
        for light in (CLEAR_DAY, night)
    ]
    np.testing.assert_array_equal(pictures[0].instance_id, pictures[1].instance_id)
    on_car = pictures[0].instance_id == 4
    assert pictures[1].rgb[on_car].mean() < 0.6 * pictures[0].rgb[on_car].mean()


def test_fog_hides_what_is_far(make_world, make_actor):
    snapshot = IndexedWorld(make_world([make_actor(4, (140.0, 100.0), 0.3)])).at(0.0)
    fog = dataclasses.replace(CLEAR_DAY, haze_length_m=5.0)
    picture = take_picture(snapshot, FRONT, SCALE, GLOBAL_SE3_FRONT, np.random.default_rng(0), fog)
    on_car = picture.rgb[picture.instance_id == 4].astype(float)
    np.testing.assert_allclose(on_car, np.broadcast_to(develop(fog.horizon), on_car.shape), atol=12)


def test_visible_share_free_half_hidden_and_hidden(make_world, make_actor):
    far = make_actor(2, (130.0, 100.0))
    assert visible_share(_sight(make_world([far]))).tolist() == [1.0]
    half = visible_share(_sight(make_world([make_actor(1, (112.0, 101.0)), far])))
    assert 0.3 < half[1] < 0.7
    assert half[0] == 1.0
    hidden = visible_share(_sight(make_world([make_actor(1, (106.0, 100.0)), far])))
    assert hidden[1] < 0.2


def test_what_is_behind_the_camera_is_not_in_view(make_world, make_actor):
    sight = _sight(make_world([make_actor(1, (80.0, 100.0))]))
    assert not sight.in_view.any() and visible_share(sight).tolist() == [0.0]


def test_no_actors_is_fine(make_world):
    assert visible_share(_sight(make_world([]))).shape == (0,)


def test_union_counts_a_point_once():
    one = Sight(np.array([[True, True, False, True]]), np.array([[True, False, False, False]]))
    two = Sight(np.array([[True, False, False, False]]), np.array([[True, False, False, False]]))
    np.testing.assert_allclose(visible_share(union([one, two])), [1 / 3])


def test_visibility_levels():
    shares = np.array([0.0, 0.39, 0.4, 0.6, 0.8, 1.0])
    assert visibility_level(shares).tolist() == [1, 1, 2, 3, 4, 4]


def test_lidar_points_of_a_car_land_in_its_mask(make_world, make_actor, small):
    world = make_world([make_actor(4, (115.0, 101.0), 0.3)])
    sweep = scan(
        IndexedWorld(world).at(0.0), GLOBAL_SE3_EGO @ EGO_SE3_LIDAR, small, np.random.default_rng(0)
    )
    global_m = (GLOBAL_SE3_EGO @ EGO_SE3_LIDAR).transform_points(
        sweep.points[sweep.instance_id == 4, :3].astype(np.float64)
    )
    in_camera_m = GLOBAL_SE3_FRONT.inverse().transform_points(global_m)
    pixels, _ = project_points(in_camera_m, FRONT.intrinsics_px(SCALE))
    columns, rows = np.floor(pixels).astype(int).T
    mask = _picture(world).instance_id == 4
    assert mask[rows, columns].mean() > 0.95
