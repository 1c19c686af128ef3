"""Pulses that meet glass: a pane, a block of glass, and a wall behind."""

import dataclasses

import numpy as np
import pytest

from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.echoes import first_echoes, recessed, through_glass
from cm3d.simulation.sensors.snapshot import IndexedWorld

COUNT = 4000
EYE_M = np.array([100.0, 100.0, 1.0])
AHEAD = np.tile(np.array([1, 0, 0], dtype=np.float32), (COUNT, 1))


@pytest.fixture
def glazed(make_world, make_actor):
    """Ahead at 10 m a car of glass, 4 m long; a wall of stone at 20 m."""

    def standing(instance_id, x_m, transparent):
        actor = make_actor(instance_id, (x_m, 100.0))
        glass = np.full(len(actor.mesh.faces), transparent)
        return dataclasses.replace(actor, mesh=dataclasses.replace(actor.mesh, transparent=glass))

    return IndexedWorld(make_world([standing(1, 112.0, True), standing(2, 122.0, False)])).at(0.0)


def _echoes(snapshot, small, transmission, cabin_path_m):
    knobs = {"lidar_glass_transmission": transmission, "lidar_cabin_path_m": cabin_path_m}
    params, rng = small.model_copy(update=knobs), np.random.default_rng(0)
    first = first_echoes(snapshot, EYE_M, AHEAD)
    echoes = through_glass(snapshot, EYE_M, AHEAD, first, params, rng)
    return echoes, snapshot.surfaces.instance_id[echoes.face]


def test_opaque_glass_is_a_wall(glazed, small):
    echoes, instance_id = _echoes(glazed, small, 0.0, 1.0)
    assert (instance_id == 1).all()
    np.testing.assert_allclose(echoes.distance_m, 10.0, atol=1e-4)
    np.testing.assert_allclose(echoes.light, 0.5)  # reflectivity, at normal incidence


def test_clear_glass_of_an_empty_cabin_shows_the_wall(glazed, small):
    echoes, instance_id = _echoes(glazed, small, 1.0, 1e9)
    assert (instance_id == 2).all()
    np.testing.assert_allclose(echoes.distance_m, 20.0, atol=1e-4)
    np.testing.assert_allclose(echoes.light, 0.5 * 0.7**2, rtol=1e-5)  # through two panes


def test_shares_of_panes_multiply(glazed, small):
    echoes, instance_id = _echoes(glazed, small, 0.6, 1e9)
    near, far = np.abs(echoes.distance_m - 10) < 0.01, np.abs(echoes.distance_m - 14) < 0.01
    assert near.mean() == pytest.approx(0.4, abs=0.03)
    assert far.mean() == pytest.approx(0.6 * 0.4, abs=0.03)
    assert (instance_id == 2).mean() == pytest.approx(0.36, abs=0.03)


def test_seats_return_after_an_exponential_way(glazed, small):
    echoes, instance_id = _echoes(glazed, small, 1.0, 0.7)
    inside_m = echoes.distance_m[instance_id == 1] - 10
    assert inside_m.min() > 0 and inside_m.max() < 4
    # Of an exponential with mean 0.7 m, all but exp(-4 / 0.7) end within 4 m; half by ln 2.
    assert (instance_id == 1).mean() == pytest.approx(1 - np.exp(-4 / 0.7), abs=0.01)
    assert np.median(inside_m) == pytest.approx(0.7 * np.log(2), abs=0.04)
    np.testing.assert_allclose(echoes.light[instance_id == 1], 0.7 * 0.2, rtol=1e-5)


def test_what_is_no_glass_is_left_alone(make_world, make_actor, small):
    snapshot = IndexedWorld(make_world([make_actor(2, (122.0, 100.0))])).at(0.0)
    first = first_echoes(snapshot, EYE_M, AHEAD)
    echoes = through_glass(snapshot, EYE_M, AHEAD, first, small, np.random.default_rng(0))
    np.testing.assert_array_equal(echoes.distance_m, first.distance_m)
    np.testing.assert_array_equal(echoes.light, first.light)


def test_the_sky_stays_empty(make_world, small):
    snapshot = IndexedWorld(make_world([])).at(0.0)
    up = SE3.identity().rotate(np.tile([0.0, 0, 1], (5, 1))).astype(np.float32)
    first = first_echoes(snapshot, EYE_M, up)
    echoes = through_glass(snapshot, EYE_M, up, first, small, np.random.default_rng(0))
    assert (echoes.face == -1).all()


def test_skins_lie_within_their_boxes(make_world, make_actor):
    snapshot = IndexedWorld(make_world([make_actor(1, (112.0, 100.0))])).at(0.0)
    slanted = np.array([0.8, 0.6, 0.0], dtype=np.float32)
    first = first_echoes(snapshot, np.array([108.0, 98.0, 1.0]), np.stack([AHEAD[0], slanted]))
    # The car's tail, at x = 110 m, is met at a cosine of 0.8; straight ahead nothing is.
    assert first.face[0] == -1
    assert first.distance_m[1] == pytest.approx(2.5, abs=1e-4)
    deeper = recessed(snapshot, np.stack([AHEAD[0], slanted]), first, 0.1)
    room_m = 0.1 * 2 * ((5**0.5 - 1) / 2)  # of the first object
    assert deeper.distance_m[1] == pytest.approx(2.5 + room_m / 0.8, abs=1e-4)
    assert deeper.distance_m[0] == first.distance_m[0]


def test_only_vehicles_have_room_in_their_boxes(make_world, make_actor):
    many = [make_actor(index, (112.0 + 9 * index, 100.0)) for index in range(1, 21)]
    person = dataclasses.replace(many[4], category_name="human.pedestrian.adult")
    snapshot = IndexedWorld(make_world([*many[:4], person, *many[5:]])).at(0.0)
    assert snapshot.generosity[[0, 5]].tolist() == [0, 0]
    rooms = np.delete(snapshot.generosity, [0, 5])
    assert rooms.min() > 0 and rooms.max() < 2
    assert rooms.mean() == pytest.approx(1, abs=0.1)
