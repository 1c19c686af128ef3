import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.geometry.se3 import SE3
from cm3d.lift.tracks.fronts import Traffic, ego_traffic, front_votes
from cm3d.tables import Frames

# A street along x: on its right half (y = -2) one drives to the east, on its left half (y = 2) to
# the west, a vehicle every 10 m from x = -30 to 30.
EAST, WEST = 0.0, np.pi
PLACES_M = np.arange(-30.0, 31, 10)
STREET = Traffic(
    np.concatenate([np.column_stack([PLACES_M, np.full(7, y_m)]) for y_m in (-2.0, 2.0)]),
    np.repeat([EAST, WEST], 7),
)
NOBODY = Traffic(np.empty((0, 2)), np.empty(0))


def votes(
    xy_m: list[tuple[float, float]],
    axis_rad: list[float],
    own: list[float] | None = None,
    traffic: Traffic = NOBODY,
    ego_direction_rad: float = EAST,
) -> np.ndarray:
    beforehand = np.zeros(len(xy_m)) if own is None else np.array(own)
    place_m = np.array(xy_m, dtype=float).reshape(-1, 2)
    return front_votes(place_m, np.array(axis_rad), beforehand, traffic, ego_direction_rad).total


def test_traffic_on_the_near_side_decides() -> None:
    """By the right kerb cars look east, by the left kerb west, wherever the ego vehicle looks."""
    kerbs = [(0.0, -5.0), (0.0, 5.0)]
    for ego in (EAST, WEST):
        right, left = votes(kerbs, [EAST, EAST], traffic=STREET, ego_direction_rad=ego)
        assert right > 0 > left
    # By hand for the right one, of a single vehicle each way at the same x: it is 3 m and 7 m off.
    pair = Traffic(np.array([[0.0, -2], [0, 2]]), np.array([EAST, WEST]))
    near, far = np.exp(-0.5 * (3 / 4) ** 2), np.exp(-0.5 * (7 / 4) ** 2)
    (vote,) = votes([(0, -5)], [EAST], traffic=pair)
    assert vote == pytest.approx((near - far) / (near + far + 0.1) + 0.02)


def test_far_traffic_says_little() -> None:
    (vote,) = votes([(0, -40)], [EAST], traffic=STREET, ego_direction_rad=WEST)
    assert vote == pytest.approx(-0.02, abs=1e-6)


def test_neighbours_in_a_row_look_the_same_way() -> None:
    """Five cars side by side; the lane tells one of them alone that it looks north."""
    row = [(2.5 * place, 0.0) for place in range(5)]
    north, south = np.pi / 2, -np.pi / 2
    found = votes(row, [south] * 5, [-1.0, 0, 0, 0, 0], ego_direction_rad=south)
    assert (found < 0).all()
    # One of them is told apart by its axis alone: nothing carries over to what is across.
    found = votes(row, [south, south, 0.0, south, south], [-1.0, 0, 0, 0, 0], NOBODY, 0.0)
    assert found[2] == pytest.approx(0.02)
    # Axes that are written the other way round are neighbours all the same.
    found = votes(row, [south, north, south, north, south], [-1.0, 0, 0, 0, 0])
    assert (found * [-1, 1, -1, 1, -1] > 0).all()


def test_neighbours_out_of_reach_say_nothing() -> None:
    found = votes([(0, 0), (40, 0)], [EAST, EAST], [-1.0, 0])
    assert found[0] < 0
    assert found[1] == pytest.approx(0.02)


def test_lane_below_the_object_outvotes_traffic_and_neighbours() -> None:
    row = [(6.0 * place, -5.0) for place in range(5)]
    own = [0.0, 0, -1.0, 0, 0]
    found = votes(row, [EAST] * 5, own, STREET)
    assert found[2] < 0
    assert (found[[0, 4]] > 0).all()


def test_where_nothing_is_known_it_looks_where_the_ego_vehicle_does() -> None:
    assert votes([(0, 0)], [0.3], ego_direction_rad=0.0) == pytest.approx(0.02 * np.cos(0.3))
    assert votes([(0, 0)], [0.3], ego_direction_rad=np.pi) == pytest.approx(-0.02 * np.cos(0.3))
    assert votes([], []).shape == (0,)


@given(st.integers(0, 999), st.floats(-np.pi, np.pi), st.floats(-500, 500))
def test_turning_and_moving_the_world_changes_nothing(
    seed: int, turn_rad: float, by_m: float
) -> None:
    random = np.random.default_rng(seed)
    xy_m, axis_rad = random.uniform(-20, 20, (12, 2)), random.uniform(-np.pi, np.pi, 12)
    own = random.uniform(-1, 1, 12) * (random.random(12) < 0.3)
    rotation = SE3.from_yaw(turn_rad, np.zeros(3)).rotation[:2, :2]

    def there(place_m: np.ndarray) -> np.ndarray:
        return np.asarray(place_m @ rotation.T + [by_m, -by_m / 2])

    moved = Traffic(there(STREET.xy_m), STREET.direction_rad + turn_rad)
    here = front_votes(xy_m, axis_rad, own, STREET, 0.4).total
    found = front_votes(there(xy_m), axis_rad + turn_rad, own, moved, 0.4 + turn_rad).total
    assert found == pytest.approx(here, abs=1e-8)


@given(st.integers(0, 999))
def test_the_other_direction_of_an_axis_has_the_opposite_vote(seed: int) -> None:
    random = np.random.default_rng(seed)
    xy_m, axis_rad = random.uniform(-20, 20, (12, 2)), random.uniform(-np.pi, np.pi, 12)
    flip = random.random(12) < 0.5
    here = front_votes(xy_m, axis_rad, np.zeros(12), STREET, 0.4).total
    found = front_votes(xy_m, axis_rad + np.pi * flip, np.zeros(12), STREET, 0.4).total
    assert found == pytest.approx(np.where(flip, -here, here), abs=1e-8)


def test_the_ego_vehicle_is_traffic() -> None:
    """Up a hill: the direction is that of its x axis seen from above."""
    pose = (SE3.from_yaw(0.6, np.array([5.0, 6.0, 1.0]))).as_pose()
    pitch = np.array([np.cos(0.1), 0, -np.sin(0.1), 0])
    frames = Frames(
        sample_token=["a", "b"],
        scene_name=["s"] * 2,
        timestamp_us=[0, 1],
        split=["train"] * 2,
        location=[""] * 2,
        global_SE3_ego=[pose, [*pitch, 0, 0, 0]],
    )
    ego = ego_traffic(frames)
    assert ego.xy_m.tolist() == [[5, 6], [0, 0]]
    assert ego.direction_rad == pytest.approx([0.6, 0.0])


def test_the_strongest_vote_for_the_front_is_named() -> None:
    """Three cars in a row, of which one stands on a lane; one by the kerb; one alone."""
    xy_m = np.array([[40.0, 60], [40, 62], [40, 64], [0, -5], [0, 90]])
    own = np.array([-1.0, 0, 0, 0, 0])
    found = front_votes(xy_m, np.zeros(5), own, STREET, EAST)
    assert found.strongest().tolist() == ["lane", "row", "row", "traffic", "ego"]
    assert (found.total < 0).tolist() == [True, True, True, False, False]
    terms = found.lane + found.traffic + found.ego + found.row
    assert found.total.tolist() == terms.tolist()
