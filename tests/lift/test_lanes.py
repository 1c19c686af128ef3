import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.geometry.se3 import SE3
from cm3d.lift.lanes import LaneField, lane_headings
from cm3d.tables import Lanes
from tests.lift.known import CHATGPT

EAST, NORTH = 0.0, np.pi / 2


def two_lanes() -> Lanes:
    return Lanes(
        lane_token=["east", "east", "north", "north"],
        point_index=[0, 1, 0, 1],
        kind=["lane", "lane", "lane_connector", "lane_connector"],
        position_m=[[0, 0], [10, 0], [30, 0], [30, 10]],
        yaw_rad=[EAST, EAST, NORTH, NORTH],
    )


def names(*class_names: str) -> np.ndarray:
    return np.array(class_names, dtype=object)


def test_nearest_point_decides() -> None:
    field = LaneField(two_lanes())
    xy_m = np.array([[9.0, 3.0], [19.9, 0.0], [20.1, 0.0], [28.0, 9.0]])
    yaw_rad, distance_m = field.nearest(xy_m)
    assert yaw_rad.tolist() == [EAST, EAST, NORTH, NORTH]
    assert distance_m == pytest.approx([10**0.5, 9.9, 9.9, 5**0.5])


@given(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_where_lanes_meet_the_first_decides_wherever_the_origin_is(x_m: float, y_m: float) -> None:
    """The end of one lane is the start of three others; rounding must not choose among them."""
    position_m = np.array([[0.1, 0.2], [3.3, 1.7], [3.3, 1.7], [3.3, 1.7], [9.0, 9.0]])
    position_m += [x_m, y_m]
    lanes = Lanes(["a"] * 5, range(5), ["lane"] * 5, position_m, [0.0, 0.1, 0.2, 0.3, 0.4])
    yaw_rad, distance_m = LaneField(lanes).nearest(np.array([[3.0 + x_m, 3.0 + y_m]]))
    assert yaw_rad == pytest.approx([0.1])
    assert distance_m == pytest.approx([np.hypot(0.3, 1.3)], abs=1e-6)


def test_distance_has_no_limit() -> None:
    yaw_rad, distance_m = LaneField(two_lanes()).nearest(np.array([[30.0, 900.0]]))
    assert (yaw_rad.tolist(), distance_m.tolist()) == ([NORTH], [890])


def test_only_the_five_vehicle_classes_follow_lanes() -> None:
    classes = names(
        "car",
        "truck",
        "bus",
        "trailer",
        "construction_vehicle",
        "pedestrian",
        "motorcycle",
        "bicycle",
        "traffic_cone",
        "barrier",
    )
    follows = CHATGPT.known(classes).follows_lanes
    headings = lane_headings(follows, np.full((10, 2), 30.0), LaneField(two_lanes()))
    assert headings.yaw_rad.tolist() == [NORTH] * 5 + [0.0] * 5
    assert headings.lane_distance_m.tolist() == [20.0] * 5 + [np.inf] * 5


def test_without_lanes_all_yaws_are_0() -> None:
    headings = lane_headings(np.ones(2, dtype=bool), np.zeros((2, 2)), None)
    assert headings.yaw_rad.tolist() == [0, 0]
    assert headings.lane_distance_m.tolist() == [np.inf, np.inf]


def test_map_without_lanes_has_no_field() -> None:
    assert LaneField.from_lanes(Lanes.empty()) is None
    assert LaneField.from_lanes(two_lanes()) is not None


def test_no_boxes() -> None:
    headings = lane_headings(np.empty(0, dtype=bool), np.empty((0, 2)), LaneField(two_lanes()))
    assert headings.yaw_rad.shape == headings.lane_distance_m.shape == (0,)


def test_same_as_measuring_all_distances() -> None:
    generator = np.random.default_rng(0)
    position_m, yaw_rad = generator.uniform(0, 100, (300, 2)), generator.uniform(-3, 3, 300)
    lanes = Lanes(["a"] * 300, range(300), ["lane"] * 300, position_m, yaw_rad)
    xy_m = generator.uniform(-20, 120, (50, 2))
    apart_m = [np.linalg.norm(position_m - point, axis=1) for point in xy_m]
    nearest_yaw_rad, distance_m = LaneField(lanes).nearest(xy_m)
    assert nearest_yaw_rad == pytest.approx(yaw_rad[[np.argmin(each) for each in apart_m]])
    assert distance_m == pytest.approx([each.min() for each in apart_m])


def test_seen_from_another_frame_the_same_lanes_answer() -> None:
    field = LaneField(Lanes(["a"] * 2, range(2), ["lane"] * 2, [[10, 0], [0, 50]], [0.5, 2.0]))
    # Its origin is at (10, 5) and its x axis looks along global y: (-4, 1) is global (9, 1).
    other = field.seen_from(SE3.from_yaw(np.pi / 2, np.array([10.0, 5.0, 3.0])))
    yaw_rad, distance_m = other.nearest(np.array([[-4.0, 1.0]]))
    assert yaw_rad == pytest.approx([0.5 - np.pi / 2])
    assert distance_m == pytest.approx([np.sqrt(2)])
    assert field.nearest(np.array([[9.0, 1.0]]))[0] == pytest.approx([0.5])  # as it was
