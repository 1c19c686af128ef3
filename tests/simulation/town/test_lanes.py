import numpy as np
import pytest

from cm3d.simulation.town.lanes import lay_lanes
from cm3d.simulation.town.polyline import Polyline
from cm3d.simulation.town.roads import Traffic, lay_arms

CORNER = Polyline(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]))
STRAIGHT = Polyline(np.array([[0.0, 0.0], [5.0, 0.0], [10.0, 0.0]]))


def movements(kerb_side):
    arms = lay_arms(np.random.default_rng(5), "town", np.zeros(2), Traffic(kerb_side))
    return arms, lay_lanes(arms, Traffic(kerb_side))


def test_arc_length_of_a_corner():
    assert CORNER.arc_m.tolist() == [0, 3, 7]
    assert CORNER.length_m == 7


def test_positions_by_arc_length_shifted_and_beyond_the_ends():
    where = STRAIGHT.at(np.array([-2.0, 4.0, 13.0]), left_m=1.0)
    np.testing.assert_allclose(where, [[-2, 1], [4, 1], [13, 1]])


def test_shifted_to_the_left_of_travel():
    np.testing.assert_allclose(STRAIGHT.shifted(2.0).points_m[:, 1], 2.0)
    np.testing.assert_allclose(STRAIGHT.reversed().shifted(2.0).points_m[:, 1], -2.0)


def test_between_leaves_and_arrives_along_the_headings():
    curve = Polyline.between(np.zeros(2), 0.0, np.array([10.0, 10.0]), np.pi / 2)
    assert curve.points_m[0].tolist() == [0, 0]
    np.testing.assert_allclose(curve.points_m[-1], [10, 10])
    assert curve.yaw_rad[0] == pytest.approx(0.0, abs=0.1)
    assert curve.yaw_rad[-1] == pytest.approx(np.pi / 2, abs=0.1)
    assert curve.length_m == pytest.approx(np.pi / 2 * 10, rel=0.01)


def test_joined_keeps_shared_points_once():
    joined = Polyline.joined([STRAIGHT, Polyline(np.array([[10.0, 0.0], [10.0, 5.0]]))])
    assert joined.points_m.shape == (4, 2)
    assert joined.length_m == 15


def test_cut_is_resampled():
    piece = STRAIGHT.cut(2.0, 6.0, step_m=1.0)
    np.testing.assert_allclose(piece.points_m[:, 0], [2, 3, 4, 5, 6])


@pytest.mark.parametrize("kerb_side", [-1, 1])
def test_connectors_join_the_ends_of_lanes_without_a_kink(kerb_side):
    for movement in movements(kerb_side)[1]:
        first, bend, last = movement.lanes
        np.testing.assert_allclose(first.centreline_m[-1], bend.centreline_m[0], atol=1e-9)
        np.testing.assert_allclose(bend.centreline_m[-1], last.centreline_m[0], atol=1e-9)
        assert np.abs(np.diff(movement.path.yaw_rad)).max() < 0.15


@pytest.mark.parametrize("kerb_side", [-1, 1])
def test_successors_and_predecessors_mirror_each_other(kerb_side):
    lanes = {lane.token: lane for way in movements(kerb_side)[1] for lane in way.lanes}
    links = {(token, after) for token, lane in lanes.items() for after in lane.successors}
    mirror = {(before, token) for token, lane in lanes.items() for before in lane.predecessors}
    assert links == mirror
    assert len(links) == 2 * sum(lane.kind == "lane_connector" for lane in lanes.values())


@pytest.mark.parametrize("kerb_side", [-1, 1])
def test_traffic_keeps_to_its_side(kerb_side):
    arms, ways = movements(kerb_side)
    for way in ways:
        outgoing = Polyline(way.lanes[2].centreline_m)
        arm = arms[way.target]
        offset = outgoing.points_m[5] - arm.centreline.points_m[5]
        heading = arm.centreline.yaw_rad[5]
        left_m = -np.sin(heading) * offset[0] + np.cos(heading) * offset[1]
        assert np.sign(left_m) == kerb_side


def test_every_arm_leads_to_every_other():
    _, ways = movements(-1)
    assert {(way.origin, way.target) for way in ways} == {
        (i, j) for i in range(4) for j in range(4) if i != j
    }


def test_near_turns_are_tighter_than_far_turns():
    _, ways = movements(-1)
    right = [w for w in ways if (w.target - w.origin) % 4 == 1]
    left = [w for w in ways if (w.target - w.origin) % 4 == 3]
    assert max(w.exit_m - w.entry_m for w in right) < min(w.exit_m - w.entry_m for w in left)
    for way in right:
        middle = Polyline(way.lanes[1].centreline_m).yaw_rad
        assert middle[-1] < middle[0] - 1.0
