"""The format as Waymo's own code has it: names and types of columns, a frame per row group."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cm3d.datasets.waymo.components import LIDAR, LIDAR_BOX, VEHICLE_POSE
from cm3d.datasets.waymo.frames import pixel_poses
from cm3d.geometry.se3 import SE3
from tests.tiny_waymo import TIMES_US, path_of, write_waymo

POSITION = {f"[LiDARBoxComponent].box.{p}.{a}" for p in ("center", "size") for a in "xyz"}
MOTION = {f"[LiDARBoxComponent].{p}.{a}" for p in ("speed", "acceleration") for a in "xyz"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("waymo")
    write_waymo(root)
    return root


def test_columns_of_boxes(root: Path) -> None:
    names = set(pq.read_schema(path_of(root, LIDAR_BOX)).names)
    assert names == POSITION | MOTION | {
        "key.segment_context_name",
        "key.frame_timestamp_micros",
        "key.laser_object_id",
        "[LiDARBoxComponent].box.heading",
        "[LiDARBoxComponent].type",
        "[LiDARBoxComponent].num_lidar_points_in_box",
        "[LiDARBoxComponent].num_top_lidar_points_in_box",
        "[LiDARBoxComponent].difficulty_level.detection",
        "[LiDARBoxComponent].difficulty_level.tracking",
    }


def test_types_of_range_images(root: Path) -> None:
    schema = pq.read_schema(path_of(root, LIDAR))
    assert [(field.name, str(field.type)) for field in schema] == [
        ("key.segment_context_name", "string"),
        ("key.frame_timestamp_micros", "int64"),
        ("key.laser_name", "int8"),
        ("[LiDARComponent].range_image_return1.values", "list<element: float>"),
        ("[LiDARComponent].range_image_return1.shape", "fixed_size_list<element: int32>[3]"),
        ("[LiDARComponent].range_image_return2.values", "list<element: float>"),
        ("[LiDARComponent].range_image_return2.shape", "fixed_size_list<element: int32>[3]"),
    ]


def test_a_frame_is_a_row_group(root: Path) -> None:
    for component in (LIDAR, LIDAR_BOX, VEHICLE_POSE):
        assert pq.ParquetFile(path_of(root, component)).num_row_groups == len(TIMES_US)


def test_poses_of_pixels_by_hand() -> None:
    """Pitched down by 0.1 after a yaw of 0.2, rolled by 0.3 last, as seen from outside first."""
    roll, pitch, yaw = 0.3, 0.1, 0.2
    about_x = [[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]]
    about_y = [[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]]
    about_z = [[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]]
    rotation = np.array(about_z) @ np.array(about_y) @ np.array(about_x)
    image = pixel_poses([SE3(rotation, np.array([1.0, 2, 3]))] * 2, height=3)
    assert image.shape == (3, 2, 6)
    np.testing.assert_allclose(image[2, 1], [0.3, 0.1, 0.2, 1, 2, 3], rtol=1e-6)
