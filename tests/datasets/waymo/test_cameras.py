from pathlib import Path

import cv2
import numpy as np
import pytest

from cm3d.datasets.waymo.cameras import read_cameras, read_shots, stream_images
from cm3d.datasets.waymo.segments import Segment
from cm3d.geometry.cameras import project_points
from tests.tiny_waymo import CAMERAS, SIZE_PX, TIMES_US, TRAIN, camera, jpeg, write_waymo

IDEAL, BENT = CAMERAS


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    write_waymo(tmp_path)
    return Segment(tmp_path / "training", TRAIN, True)


def test_cameras_and_poses_come_back(segment: Segment) -> None:
    cameras = read_cameras(segment)
    assert {name: c.channel for name, c in cameras.items()} == {1: "FRONT", 4: "SIDE_LEFT"}
    for written in CAMERAS:
        found = cameras[written.name]
        assert (found.width_px, found.height_px) == SIZE_PX
        np.testing.assert_array_equal(found.intrinsics_px, written.intrinsics_px)
        np.testing.assert_array_equal(found.distortion, written.distortion)
        np.testing.assert_allclose(
            found.vehicle_SE3_camera.matrix, written.vehicle_SE3_camera.matrix, atol=1e-12
        )
    shots = read_shots(segment, cameras)
    assert sorted(shots) == [(time_us, name) for time_us in TIMES_US for name in (1, 4)]


def test_a_point_ahead_to_the_left_and_above_by_hand() -> None:
    """From the front camera 10 m ahead, 2 m left, 1 m up: u = 24 - 40 * 0.2, v = 16 - 40 * 0.1."""
    point_m = np.array([[11.5, 2.0, 3.1]])
    in_camera_m = IDEAL.vehicle_SE3_camera.inverse().transform_points(point_m)
    pixels, depth_m = project_points(in_camera_m, IDEAL.intrinsics_px)
    np.testing.assert_allclose(pixels, [[16.0, 12.0]])
    np.testing.assert_allclose(depth_m, [10.0])


def test_the_lens_by_hand() -> None:
    """At x = 0.2, y = 0.1: r2 = 0.05, radial = 1 - 0.3 * 0.05 + 0.1 * 0.0025 = 0.98525."""
    moved, holds = BENT.distorted(np.array([[0.2, 0.1], [2.0, 0.0]]))
    tangential_x = 2 * 1e-3 * 0.02 + 1e-3 * (0.05 + 0.08)
    tangential_y = 1e-3 * (0.05 + 0.02) + 2 * 1e-3 * 0.02
    expected = [0.2 * 0.98525 + tangential_x, 0.1 * 0.98525 + tangential_y]
    np.testing.assert_allclose(moved[0], expected, rtol=1e-12)
    assert holds.tolist() == [True, False]


def test_the_lens_is_that_of_opencv() -> None:
    rays = np.random.default_rng(1).uniform(-0.5, 0.5, (50, 2))
    points = np.column_stack([rays, np.ones(50)])
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.eye(3), BENT.distortion)
    np.testing.assert_allclose(BENT.distorted(rays)[0], expected[:, 0], atol=1e-12)


def test_a_point_is_where_the_undistorted_image_has_it() -> None:
    """A bright spot drawn where the bent lens puts a ray is found where a pinhole camera does."""
    bent = camera(4, 0.0, (-0.4, 0.1, 0.0, 0.0, 0.0))
    ray = np.array([[-0.4, -0.25]])
    u, v = (bent.distorted(ray)[0] * 40 + [24, 16])[0]
    image = np.zeros((SIZE_PX[1], SIZE_PX[0], 3), np.uint8)
    image[int(v), int(u)] = 255  # the pixel that covers it
    content = bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1])
    found = cv2.imdecode(np.frombuffer(bent.as_pinhole(content), np.uint8), cv2.IMREAD_GRAYSCALE)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert abs(column + 0.5 - (24 - 0.4 * 40)) <= 1
    assert abs(row + 0.5 - (16 - 0.25 * 40)) <= 1
    assert (int(u), int(v)) != (column, row)


def test_bytes_are_as_they_were_where_nothing_can_be_undistorted(segment: Segment) -> None:
    images = list(stream_images(segment, read_cameras(segment)))
    assert [(time_us, c.name) for time_us, c, _ in images] == [
        (time_us, name) for time_us in TIMES_US for name in (1, 4)
    ]
    for number, (_, found, content) in enumerate(images):
        assert (content == jpeg(number // 2, found.name)) == (found.name == IDEAL.name)
    assert BENT.as_pinhole(b"no image") == b"no image"
    assert BENT.as_pinhole(b"") == b""
    small = bytes(cv2.imencode(".jpg", np.zeros((4, 4, 3), np.uint8))[1])
    assert BENT.as_pinhole(small) == small
