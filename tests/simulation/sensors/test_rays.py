"""First hits against numbers that can be worked out by hand."""

import numpy as np
import pytest

from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.rays import UNBOUNDED_M, RayCaster, nearer
from cm3d.simulation.sensors.snapshot import IndexedWorld
from cm3d.simulation.traffic.trajectory import Trajectory

# A right triangle in the plane x = 5.
VERTICES_M = np.array([[5.0, 0, 0], [5, 4, 0], [5, 0, 4]])
FACES = np.array([[0, 1, 2]])


def _single(values):
    return np.asarray(values, dtype=np.float32)


def test_hit_distance_and_corner_weights():
    directions = _single([[1, 0.2, 0.4]]) / np.float32(np.sqrt(1.2))
    hits = RayCaster(VERTICES_M, FACES).cast(np.zeros((1, 3), np.float32), directions)
    assert hits.face.tolist() == [0]
    # The plane is met at (5, 1, 2): a quarter of the way to one corner, half to the other.
    np.testing.assert_allclose(hits.distance_m, np.sqrt(30), rtol=1e-6)
    np.testing.assert_allclose([hits.second[0], hits.third[0]], [0.25, 0.5], rtol=1e-5)


def test_miss_and_hit_behind_the_ray():
    directions = _single([[0, 0, 1], [-1, 0.1, 0.1]])
    hits = RayCaster(VERTICES_M, FACES).cast(np.zeros((2, 3), np.float32), directions)
    assert hits.face.tolist() == [-1, -1]
    assert (hits.distance_m >= UNBOUNDED_M).all()


def test_bound_hides_what_lies_beyond_and_is_not_written_to():
    bound_m = _single([4.9, 5.1])
    origins, directions = np.full((2, 3), [0, 1, 1], np.float32), _single([[1, 0, 0]] * 2)
    hits = RayCaster(VERTICES_M, FACES).cast(origins, directions, bound_m)
    assert hits.face.tolist() == [-1, 0]
    np.testing.assert_allclose(hits.distance_m, [4.9, 5.0])
    np.testing.assert_allclose(bound_m, [4.9, 5.1])


def test_no_triangles_no_hits():
    caster = RayCaster(np.empty((0, 3)), np.empty((0, 3)))
    hits = caster.cast(np.zeros((2, 3), np.float32), _single([[1, 0, 0]] * 2))
    assert hits.face.tolist() == [-1, -1]


def test_nearer_takes_the_second_only_where_it_hits():
    near = RayCaster(VERTICES_M - [2, 0, 0], FACES)
    far = RayCaster(VERTICES_M, FACES)
    origins = _single([[0, 1, 1], [4, 1, 1]])
    directions = _single([[1, 0, 0]] * 2)
    first = far.cast(origins, directions)
    merged = nearer(first, near.cast(origins, directions, first.distance_m), 10)
    assert merged.face.tolist() == [10, 0]
    np.testing.assert_allclose(merged.distance_m, [3, 1])


@pytest.mark.parametrize("time_s", [0.0, 1.0])
def test_snapshot_shows_moving_actor_where_it_is(make_world, make_actor, time_s):
    times_s = np.array([0.0, 1.0])
    xy_m = np.array([[110.0, 100.0], [120.0, 100.0]])
    moving = make_actor(7, (0, 0))
    object.__setattr__(moving, "trajectory", Trajectory(times_s, xy_m, np.zeros(2)))
    standing = make_actor(3, (130.0, 100.0))
    snapshot = IndexedWorld(make_world([moving, standing])).at(time_s)
    rays = _single([[1, 0, 0], [-1, 0, 0], [0, 0, -1]])
    hits = snapshot.cast(np.array([100.0, 100.0, 1.0]), rays)
    # The tail of a 4 m long car is 2 m before its centre; nothing is behind; the ground is below.
    np.testing.assert_allclose(hits.distance_m[[0, 2]], [8 + 10 * time_s, 1], rtol=1e-6)
    seen = snapshot.surfaces.instance_id[hits.face]
    assert (seen[0], seen[2], hits.face[1]) == (7, 0, -1)
    np.testing.assert_allclose(snapshot.surfaces.normal[hits.face[0]], [-1, 0, 0], atol=1e-6)


def test_standing_actor_is_hit_behind_nothing(make_world, make_actor):
    snapshot = IndexedWorld(make_world([make_actor(3, (130.0, 100.0), np.pi / 2)])).at(0.0)
    hits = snapshot.cast(np.array([100.0, 100.0, 1.0]), _single([[1, 0, 0]]))
    # Turned by a right angle, its flank is half its width before its centre.
    np.testing.assert_allclose(hits.distance_m, [29], rtol=1e-6)
    assert snapshot.surfaces.instance_id[hits.face].tolist() == [3]


def test_global_coordinates_keep_precision_far_from_the_origin(make_world, make_actor):
    world = make_world([])
    far = SE3.from_yaw(0.0, np.array([1e5, 1e5, 0.0]))
    object.__setattr__(world, "background", world.background.transformed(far))
    object.__setattr__(world, "ego", Trajectory.still(np.array([100100.0, 100100.0]), 0.0))
    hits = (
        IndexedWorld(world)
        .at(0.0)
        .cast(np.array([100100.3, 100100.3, 1.84]), _single([[0, 0, -1]]))
    )
    np.testing.assert_allclose(hits.distance_m, [1.84], rtol=1e-6)
