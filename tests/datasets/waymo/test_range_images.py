import numpy as np
import pytest

from cm3d.datasets.waymo.frames import pixel_poses
from cm3d.datasets.waymo.range_images import Laser, image_of_points, points_of_image
from cm3d.geometry.se3 import SE3

# turned to the left by a quarter, 1 m before the car's origin and 2 m above it
LASER = Laser(
    1,
    SE3.from_yaw(np.pi / 2, np.array([1.0, 0.0, 2.0])),
    -0.3,
    0.0,
    np.array([-0.3, -0.2, -0.1, 0.0]),
)


def one_pixel(row: int, column: int, range_m: float) -> np.ndarray:
    image = np.zeros((4, 8, 4), np.float32)
    image[row, column] = range_m, 0.5, 0.25, -1
    return image


def test_a_pixel_by_hand() -> None:
    """Row 2 of 4 is the second beam from below, -0.2 rad; column 3 of 8 looks pi/8 to the left.

    On the ground 10 cos 0.2 = 9.8006658 m: 9.0546345 forward and 3.7505524 left; 10 sin 0.2 =
    1.9866933 m below the LiDAR. The LiDAR's own turn does not matter: columns count from the car's
    heading.
    """
    points = points_of_image(one_pixel(2, 3, 10.0), LASER)
    np.testing.assert_allclose(
        points, [[10.0546345, 3.7505524, 0.0133067, 0.5, 0.25]], rtol=0, atol=2e-7
    )


def test_a_pixel_with_a_pose_of_its_own_by_hand() -> None:
    """When the pixel was measured the car looked along y at (100, 200, 5); now along x, 1 m back.

    The point above is then at (100 - 3.7505524, 200 + 10.0546345, 5.0133067).
    """
    poses = [SE3.from_yaw(np.pi / 2, np.array([100.0, 200, 5]))] * 8
    now = SE3.from_yaw(0.0, np.array([100.0, 199, 5]))
    points = points_of_image(one_pixel(2, 3, 10.0), LASER, pixel_poses(poses, 4), now)
    np.testing.assert_allclose(points[0, :3], [-3.7505524, 11.0546345, 0.0133067], atol=1e-5)


def test_turns_of_a_pixel_are_about_x_then_y_then_z() -> None:
    """Straight ahead at 8 m (level, from the car's origin) after quarters of roll, pitch and yaw.

    Roll leaves (8, 0, 0), pitch takes it to (0, 0, -8), which yaw leaves.
    """
    laser = Laser(1, SE3.identity(), 0.0, 0.0)
    image = np.zeros((1, 1, 4), np.float32)
    image[0, 0, 0] = 8
    pose = np.array([[[np.pi / 2, np.pi / 2, np.pi / 2, 0, 0, 0]]], np.float32)
    points = points_of_image(image, laser, pose, SE3.identity())
    np.testing.assert_allclose(points[0, :3], [0, 0, -8], atol=1e-6)


def test_beams_without_a_table_are_spread_evenly_the_uppermost_first() -> None:
    laser = Laser(2, SE3.identity(), -1.0, 0.5)
    np.testing.assert_allclose(laser.inclinations_rad(3), [0.25, -0.25, -0.75])


def test_single_precision_of_global_positions_costs_no_more_than_its_own_rounding() -> None:
    """50 km from the origin a pose is rounded to 2 mm; points must not lose more than that."""
    place = SE3.from_yaw(0.7, np.array([50_000.123, -30_000.456, 20.0]))
    points = points_of_image(one_pixel(2, 3, 10.0), LASER, pixel_poses([place] * 8, 4), place)
    np.testing.assert_allclose(points[0, :3], [10.0546345, 3.7505524, 0.0133067], rtol=0, atol=5e-3)


@pytest.mark.parametrize("laser", [LASER, Laser(2, LASER.vehicle_SE3_lidar, -1.2, 0.4)])
def test_points_come_back_from_both_returns(laser: Laser) -> None:
    rng = np.random.default_rng(0)
    height, width = 4, 32
    first = np.zeros((height, width, 4), np.float32)
    first[..., 0] = rng.uniform(2, 70, (height, width)) * (rng.random((height, width)) < 0.7)
    first[..., 1:3] = rng.random((height, width, 2))
    second = first * np.array([1.5, 1, 0.5, 1], np.float32)
    second[:, ::2] = 0
    points = np.concatenate([points_of_image(image, laser) for image in (first, second)])
    points[:, :3] = laser.vehicle_SE3_lidar.inverse().transform_points(points[:, :3])
    images = image_of_points(rng.permutation(points), laser, height, width)
    for image, expected in zip(images, (first, second), strict=True):
        seen = expected[..., 0] > 0
        np.testing.assert_array_equal(image[..., 0] > 0, seen)
        np.testing.assert_allclose(image[seen][:, :3], expected[seen][:, :3], rtol=1e-5)
    again = np.concatenate([points_of_image(image, laser) for image in images])
    again[:, :3] = laser.vehicle_SE3_lidar.inverse().transform_points(again[:, :3])
    np.testing.assert_allclose(again, points, rtol=0, atol=1e-4)
