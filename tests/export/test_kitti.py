"""KITTI's label text: one made camera by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.export.kitti.lines import label_lines
from cm3d.export.kitti.words import kitti_types
from cm3d.tables import Boxes3D, Cameras, GroundTruth
from cm3d.tables.table import columns_of
from cm3d.taxonomy import load_taxonomy

# The camera stands 1.5 m above the global origin and looks along the global y axis: its x axis is
# the global x axis, its y axis points down.
CAMERA = Cameras.from_columns(
    camera_token=["image"],
    sample_token=["f"],
    channel=["CAM_FRONT"],
    path=["f.jpg"],
    width_px=[1600],
    height_px=[900],
    intrinsics_px=[[1000, 0, 800, 0, 1000, 450, 0, 0, 1]],
    global_SE3_camera=[[np.sqrt(0.5), -np.sqrt(0.5), 0, 0, 0, 0, 1.5]],
)
TYPES = {"car": "Car", "barrier": "Misc"}


def boxes_at(*center_m: list[float], yaw_rad: float = np.pi / 2) -> Boxes3D:
    """Cars of 4 x 2 x 1.5 m."""
    count = len(center_m)
    return Boxes3D.from_columns(
        sample_token=["f"] * count,
        class_name=["car"] * count,
        score=[0.25] * count,
        center_m=center_m,
        length_m=[4] * count,
        width_m=[2] * count,
        height_m=[1.5] * count,
        yaw_rad=[yaw_rad] * count,
        velocity_mps=[[1, 1]] * count,
        attribute_name=[""] * count,
    )


def values(line: str) -> list[float]:
    return [float(word) for word in line.split()[1:]]


def test_a_car_ahead_by_hand() -> None:
    # 20 m ahead, 3 m to the right, its centre 0.5 m below the camera, driving away
    (line,) = label_lines(boxes_at([3, 20, 1]), CAMERA, TYPES)
    assert line.split()[0] == "Car"
    truncated, occluded, alpha, left, top, right, bottom, *rest = values(line)
    assert (truncated, occluded) == (0, 3)
    assert_allclose(alpha, -np.pi / 2 - np.arctan2(3, 20), atol=1e-4)
    # of its rear, 18 m away: x from 2 to 4 m, y from -0.25 to 1.25 m; the left side is seen as
    # well, and ends at 2 m of 22 m
    assert_allclose(left, 800 + 1000 * 2 / 22, atol=0.01)
    assert_allclose(right, 800 + 1000 * 4 / 18, atol=0.01)
    assert_allclose(top, 450 - 1000 * 0.25 / 18, atol=0.01)
    assert_allclose(bottom, 450 + 1000 * 1.25 / 18, atol=0.01)
    height_m, width_m, length_m, x, y, z, rotation_y, score = rest
    assert (height_m, width_m, length_m) == (1.5, 2, 4)
    assert (x, y, z) == (3, 1.25, 20)  # of the bottom: 0.5 + 1.5 / 2 below the camera
    assert_allclose(rotation_y, -np.pi / 2, atol=1e-4)
    assert score == 0.25


@pytest.mark.parametrize(
    ("visibility", "occluded"), [(0, 3), (1, 2), (2, 1), (3, 1), (4, 0), (-1, 3), (-2, 3)]
)
def test_a_level_of_difficulty_is_no_visibility(visibility: int, occluded: int) -> None:
    boxes = boxes_at([3, 20, 1])
    columns = {name: getattr(boxes, name) for name in columns_of(Boxes3D)}
    truth = GroundTruth.from_columns(
        **columns,
        instance_token=["car"],
        num_lidar_points=[5],
        num_radar_points=[0],
        visibility=[visibility],
    )
    (line,) = label_lines(truth, CAMERA, TYPES)
    assert values(line)[1] == occluded


@pytest.mark.parametrize(
    ("yaw_rad", "rotation_y"),
    [
        (0, 0),  # along the camera's x axis, to the right
        (np.pi / 4, -np.pi / 4),  # to the right and away
        (-np.pi / 4, np.pi / 4),  # to the right and nearer
        (-np.pi / 2, np.pi / 2),  # towards the camera
    ],
)
def test_headings_by_hand(yaw_rad: float, rotation_y: float) -> None:
    (line,) = label_lines(boxes_at([0, 20, 1], yaw_rad=yaw_rad), CAMERA, TYPES)
    assert_allclose(values(line)[-2], rotation_y, atol=1e-4)
    assert_allclose(values(line)[2], rotation_y, atol=1e-4)  # alpha is the same straight ahead


def test_half_of_a_car_is_out_of_the_image() -> None:
    # its rear, 10 m away, reaches from 7 to 9 m, the image to 8 m; its front is out
    boxes = boxes_at([8, 10.0005, 1.5]).replace(length_m=[0.001])
    (line,) = label_lines(boxes, CAMERA, TYPES)
    assert_allclose(values(line)[0], 0.5, atol=0.001)
    assert_allclose(values(line)[5], 1600)


def test_what_the_camera_does_not_see_is_left_out() -> None:
    seen = label_lines(boxes_at([0, -20, 1], [0, 20, 1], [100, 20, 1]), CAMERA, TYPES)
    assert [values(line)[10:13] for line in seen] == [[0, 1.25, 20]]
    assert label_lines(Boxes3D.empty(), CAMERA, TYPES) == []


def test_ground_truth_has_no_score_and_says_what_hides_it() -> None:
    boxes = boxes_at(*[[0, 20, 1]] * 5)
    truth = GroundTruth(
        **vars(boxes),
        instance_token=np.array(list("abcde"), dtype=object),
        num_lidar_points=np.full(5, 9),
        num_radar_points=np.zeros(5),
        visibility=np.arange(5),
    )
    lines = label_lines(truth, CAMERA, TYPES)
    assert {len(line.split()) for line in lines} == {15}
    assert [values(line)[1] for line in lines] == [3, 2, 1, 1, 0]


def test_types() -> None:
    assert kitti_types(load_taxonomy("waymo")) == {
        "vehicle": "Car",
        "pedestrian": "Pedestrian",
        "cyclist": "Cyclist",
    }
    types = kitti_types(load_taxonomy("nuscenes"))
    assert types["bicycle"] == "Cyclist"
    assert types["barrier"] == types["motorcycle"] == "Misc"
    assert kitti_types(load_taxonomy("pandaset25"))["tram"] == "Tram"
