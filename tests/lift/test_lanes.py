import numpy as np

from cm3d.lift.lanes import LaneField, lane_yaws
from cm3d.tables import Lanes

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
    yaw_rad = field.nearest_yaw(np.array([[9.0, 3.0], [19.9, 0.0], [20.1, 0.0], [28.0, 9.0]]))
    assert yaw_rad.tolist() == [EAST, EAST, NORTH, NORTH]


def test_distance_has_no_limit() -> None:
    assert LaneField(two_lanes()).nearest_yaw(np.array([[30.0, 900.0]])).tolist() == [NORTH]


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
    yaw_rad = lane_yaws(classes, np.full((10, 2), 30.0), LaneField(two_lanes()))
    assert yaw_rad.tolist() == [NORTH] * 5 + [0.0] * 5


def test_without_lanes_all_yaws_are_0() -> None:
    assert lane_yaws(names("car", "bus"), np.zeros((2, 2)), None).tolist() == [0, 0]


def test_map_without_lanes_has_no_field() -> None:
    assert LaneField.from_lanes(Lanes.empty()) is None
    assert LaneField.from_lanes(two_lanes()) is not None


def test_no_boxes() -> None:
    yaw_rad = lane_yaws(names(), np.empty((0, 2)), LaneField(two_lanes()))
    assert yaw_rad.shape == (0,)


def test_same_as_measuring_all_distances() -> None:
    generator = np.random.default_rng(0)
    position_m, yaw_rad = generator.uniform(0, 100, (300, 2)), generator.uniform(-3, 3, 300)
    lanes = Lanes(["a"] * 300, range(300), ["lane"] * 300, position_m, yaw_rad)
    xy_m = generator.uniform(-20, 120, (50, 2))
    nearest = [np.argmin(np.sum((position_m - point) ** 2, axis=1)) for point in xy_m]
    assert np.array_equal(LaneField(lanes).nearest_yaw(xy_m), yaw_rad[nearest])
