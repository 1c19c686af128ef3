"""Waymo's rig, by hand."""

import numpy as np
import pytest

from cm3d.datasets.waymo.components import CAMERAS as NUMBERS
from cm3d.datasets.waymo.components import LASERS
from cm3d.datasets.waymo_sim.rig import CAMERAS, SCANNERS
from cm3d.geometry.cameras import project_points

MOUNTS = {mount.channel: mount for mount in CAMERAS}
OF = {LASERS[scanner.laser.name]: scanner for scanner in SCANNERS}


def test_five_cameras_none_to_the_rear() -> None:
    assert list(MOUNTS) == list(NUMBERS.values())
    assert [mount.scaled_px(1.0)[1] for mount in CAMERAS] == [1280, 1280, 1280, 886, 886]
    assert [mount.scaled_px(0.5) for mount in CAMERAS][2:4] == [(960, 640), (960, 443)]
    assert all(abs(mount.yaw_deg) <= 90 for mount in CAMERAS)


@pytest.mark.parametrize(("scale", "pixel"), [(1.0, [734.5, 435.5]), (0.5, [367.25, 217.75])])
def test_a_pixel_of_the_front_camera(scale: float, pixel: list[float]) -> None:
    # 10 m ahead of the camera, 1 m left, 1 m above: 2055 / 10 pixels from (940, 641)
    front = MOUNTS["FRONT"]
    point_m = np.array([[11.54, 0.98, 3.12]])
    in_camera_m = front.ego_SE3_camera().inverse().transform_points(point_m)
    pixels, depth_m = project_points(in_camera_m, front.intrinsics_px(scale))
    np.testing.assert_allclose(pixels, [pixel], atol=1e-9)
    np.testing.assert_allclose(depth_m, 10)


def test_cameras_fire_as_the_beam_passes_them() -> None:
    # clockwise, a turn of 100 ms in whose middle it looks ahead
    offsets_us = {channel: mount.time_offset_us() for channel, mount in MOUNTS.items()}
    assert offsets_us == {
        "FRONT": 0,
        "FRONT_LEFT": -12_500,
        "FRONT_RIGHT": 12_500,
        "SIDE_LEFT": -25_000,
        "SIDE_RIGHT": 25_000,
    }


def test_beams_of_the_top_lidar() -> None:
    top = OF["TOP"].laser
    beams_deg = np.rad2deg(top.inclinations_rad(64))
    np.testing.assert_allclose(beams_deg[[0, -1]], [2.4, -17.6])
    steps_deg = -np.diff(beams_deg)
    assert steps_deg[-1] / steps_deg[0] == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize(
    ("name", "ahead"),
    [
        ("TOP", [1, 0]),
        ("FRONT", [1, 0]),
        ("SIDE_LEFT", [0, 1]),
        ("SIDE_RIGHT", [0, -1]),
        ("REAR", [-1, 0]),
    ],
)
def test_lidars_look_away_from_the_car(name: str, ahead: list[float]) -> None:
    scanner = OF[name]
    in_car = scanner.laser.vehicle_SE3_lidar.rotate(scanner.directions.reshape(-1, 3))
    assert len(scanner.columns) == (1325 if name == "TOP" else 150)
    if name == "TOP":
        # the middle column of a whole turn looks where the car does
        middle = in_car.reshape(*scanner.directions.shape)[1325 // 2, 0]
        np.testing.assert_allclose(np.arctan2(middle[1], middle[0]), 0, atol=1e-9)
    else:
        assert (in_car[:, :2] @ ahead).min() > -1e-9
