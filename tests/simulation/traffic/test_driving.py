import numpy as np
import pytest

from cm3d.simulation.town.polyline import Polyline
from cm3d.simulation.traffic.driving import STEP_S, Mover, drive

ROAD = Polyline(np.column_stack([np.arange(0.0, 201.0), np.zeros(201)]))
STEPS = 100
NOBODY = np.empty((STEPS, 0, 2))


def car(start_m, speed_mps=8.0, path=ROAD, wall_m=np.inf):
    return Mover(path, start_m, speed_mps, 4.0, 2.0, wall_m)


def test_nobody_drives():
    assert drive([], NOBODY, STEPS).shape == (STEPS, 0)


def test_alone_at_its_speed():
    arcs_m = drive([car(10.0)], NOBODY, STEPS)[:, 0]
    np.testing.assert_allclose(np.diff(arcs_m), 8.0 * STEP_S)


def test_stops_at_a_closed_light():
    arcs_m = drive([car(10.0, wall_m=60.0)], NOBODY, STEPS)[:, 0]
    front_m = arcs_m[-1] + 2.0
    assert 54.0 < front_m < 60.0
    assert arcs_m[-1] - arcs_m[-2] < 0.05


def test_a_wall_behind_does_not_matter():
    arcs_m = drive([car(50.0, wall_m=30.0)], NOBODY, STEPS)[:, 0]
    assert arcs_m[-1] > 120


def test_queues_behind_a_slow_leader_without_touching():
    arcs_m = drive([car(10.0, 9.0), car(30.0, 2.0)], NOBODY, STEPS)
    gap_m = arcs_m[:, 1] - arcs_m[:, 0] - 4.0
    assert gap_m.min() > 0.5
    assert gap_m[-1] < gap_m[0]
    assert (arcs_m[-1, 0] - arcs_m[-11, 0]) / (10 * STEP_S) == pytest.approx(2.0, abs=1.0)


def test_stops_for_somebody_on_the_road():
    person = np.tile([[[50.0, 0.5]]], (STEPS, 1, 1))
    arcs_m = drive([car(10.0)], person, STEPS)[:, 0]
    assert 40 < arcs_m[-1] + 2.0 < 49


def test_does_not_stop_for_somebody_beside_the_road():
    person = np.tile([[[50.0, 3.0]]], (STEPS, 1, 1))
    assert drive([car(10.0)], person, STEPS)[-1, 0] > 80


def test_neighbouring_lanes_do_not_hinder_each_other():
    arcs_m = drive([car(10.0, 9.0), car(20.0, 1.0, ROAD.shifted(3.5))], NOBODY, STEPS)
    assert arcs_m[-1, 0] > 90


def test_slows_down_in_a_tight_bend():
    angle = np.linspace(0, np.pi / 2, 30)
    arc = np.stack([np.sin(angle), 1 - np.cos(angle)], axis=1) * 8 + [60.0, 0.0]
    bend = Polyline.joined([ROAD.cut(0, 60), Polyline(arc)])
    arcs_m = drive([car(40.0, 9.0, bend)], NOBODY, STEPS)[:, 0]
    speed_mps = np.diff(arcs_m) / STEP_S
    inside = (arcs_m[1:] > 62) & (arcs_m[1:] < 70)
    assert speed_mps[inside].max() < 6.0
    assert np.diff(speed_mps).min() / STEP_S > -8.5


def test_nobody_drives_backwards():
    movers = [car(10.0 + 12 * index, 9.0 - index) for index in range(6)]
    assert np.diff(drive(movers, NOBODY, STEPS), axis=0).min() >= 0
