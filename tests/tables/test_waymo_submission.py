import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.errors import InputError
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.tables.waymo_objects import decode, encode
from cm3d.tables.waymo_submission import objects_of, waymo_types
from cm3d.taxonomy import load_taxonomy

TYPES = waymo_types(load_taxonomy("waymo").category_classes)
FRAMES = Frames.from_columns(
    sample_token=["second", "first"],
    scene_name=["drive"] * 2,
    timestamp_us=[100_000, 0],
    split=["val"] * 2,
    location=[""] * 2,
    global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0], [np.sqrt(0.5), 0, 0, np.sqrt(0.5), 100, 200, 3]],
)


def boxes(*classes: str) -> Boxes3D:
    """Of frame `first`, whose vehicle looks along y: 10 m ahead of it, and of another frame."""
    count = len(classes)
    return Boxes3D.from_columns(
        sample_token=[*["first"] * (count - 1), "other"],
        class_name=classes,
        score=np.full(count, 0.3),
        center_m=[[100, 210, 4]] * count,
        length_m=np.full(count, 4.0),
        width_m=np.full(count, 2.0),
        height_m=np.full(count, 1.5),
        yaw_rad=np.full(count, np.pi / 2),
        velocity_mps=np.zeros((count, 2)),
        attribute_name=[""] * count,
    )


def truth(points: int) -> GroundTruth:
    found = boxes("cyclist", "vehicle")
    return GroundTruth.from_columns(
        **{name: getattr(found, name) for name in Boxes3D.schema().names},
        instance_token=["i", "j"],
        num_lidar_points=[points, 0],
        num_radar_points=[0, 0],
        visibility=[0, 0],
    )


def test_types_are_those_of_waymos_categories() -> None:
    assert TYPES == {"vehicle": 1, "pedestrian": 2, "cyclist": 4}


def test_predictions() -> None:
    found = objects_of(boxes("vehicle", "cyclist", "pedestrian", "vehicle"), FRAMES, TYPES)
    assert found.type.tolist() == [1, 4, 2]
    assert found.context_name.tolist() == ["drive"] * 3
    assert found.timestamp_us.tolist() == [0] * 3
    assert_allclose(found.center_m, [[10, 0, 1]] * 3, atol=1e-9)
    assert_allclose(found.yaw_rad, 0, atol=1e-9)
    assert_allclose(found.score, np.float32(0.3), rtol=0)
    assert decode(encode(found)).center_m.tolist() == found.center_m.tolist()


def test_ground_truth_has_ids_and_points() -> None:
    found = objects_of(truth(6), FRAMES, TYPES)
    assert (found.object_id.tolist(), found.num_lidar_points.tolist()) == (["i"], [6])
    assert found.difficulty.tolist() == [0]
    annotated = truth(6).replace(visibility=[-2, 0])
    assert objects_of(annotated, FRAMES, TYPES).difficulty.tolist() == [2]


def test_what_waymo_cannot_say_is_named() -> None:
    with pytest.raises(InputError, match="class 'car': Waymo has no such type"):
        objects_of(boxes("car", "vehicle"), FRAMES, TYPES)
    with pytest.raises(InputError, match="frame first: a box has an unknown number"):
        objects_of(truth(-1), FRAMES, TYPES)


def test_no_boxes() -> None:
    assert len(objects_of(Boxes3D.empty(), FRAMES, TYPES)) == 0
