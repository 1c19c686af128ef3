"""The rig against nuScenes' published calibration and firing order."""

import json

import numpy as np
import pytest

from cm3d.geometry.cameras import project_points
from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.rig import CAMERAS, EGO_SE3_LIDAR

CHANNELS = (
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_BACK_RIGHT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_FRONT_LEFT",
)
MOUNTS = {mount.channel: mount for mount in CAMERAS}


def test_all_six_cameras_once():
    assert sorted(MOUNTS) == sorted(CHANNELS)


@pytest.mark.parametrize("channel", CHANNELS)
def test_point_ahead_of_the_camera_is_at_its_principal_point(channel):
    mount = MOUNTS[channel]
    yaw_rad = np.deg2rad(mount.yaw_deg)
    ahead_m = np.array(mount.position_m) + 10 * np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0])
    in_camera_m = mount.ego_SE3_camera().inverse().transform_points(ahead_m[None])
    pixels, depth_m = project_points(in_camera_m, mount.intrinsics_px(1.0))
    np.testing.assert_allclose(pixels[0], mount.center_px, atol=1e-6)
    np.testing.assert_allclose(depth_m, 10)


def test_front_camera_axes():
    camera_SE3_ego = MOUNTS["CAM_FRONT"].ego_SE3_camera().inverse()
    left_and_up = camera_SE3_ego.rotate(np.array([[0.0, 1, 0], [0, 0, 1]]))
    np.testing.assert_allclose(left_and_up, [[-1, 0, 0], [0, -1, 0]], atol=1e-12)


def test_lidar_looks_along_its_y_axis():
    axes = EGO_SE3_LIDAR.rotate(np.eye(3))
    np.testing.assert_allclose(axes, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)


def test_cameras_fire_as_the_beam_passes_them_clockwise():
    order = sorted(CAMERAS, key=lambda mount: mount.time_offset_us())
    names = [mount.channel.removeprefix("CAM_") for mount in order]
    assert names == [
        "FRONT_LEFT", "FRONT", "FRONT_RIGHT", "BACK_RIGHT", "BACK", "BACK_LEFT"
    ]  # fmt: skip
    # 55 degrees of a 50 ms turn.
    front, right = MOUNTS["CAM_FRONT"], MOUNTS["CAM_FRONT_RIGHT"]
    assert right.time_offset_us() - front.time_offset_us() == pytest.approx(
        50_000 * 55 / 360, abs=1
    )
    assert all(-50_000 < mount.time_offset_us() <= 0 for mount in CAMERAS)


@pytest.mark.parametrize(("scale", "size"), [(1.0, (1600, 900)), (0.5, (800, 450))])
def test_image_scale(scale, size):
    assert {mount.scaled_px(scale) for mount in CAMERAS} == {size}
    expected = MOUNTS["CAM_FRONT"].intrinsics_px(1.0)[:2] * scale
    np.testing.assert_allclose(MOUNTS["CAM_FRONT"].intrinsics_px(scale)[:2], expected)


@pytest.mark.real
def test_close_to_a_real_nuscenes_car(real_keyframe):
    def table(name):
        return json.loads((real_keyframe / "v1.0-mini" / f"{name}.json").read_text())

    channel = {row["token"]: row["channel"] for row in table("sensor")}
    sensors = {}
    for row in table("calibrated_sensor"):
        sensors[channel[row["sensor_token"]]] = row
        sensors[row["token"]] = channel[row["sensor_token"]]
    fired_us = {
        sensors[row["calibrated_sensor_token"]]: row["timestamp"] for row in table("sample_data")
    }
    for mount in CAMERAS:
        real = sensors[mount.channel]
        np.testing.assert_allclose(mount.position_m, real["translation"], atol=0.01)
        np.testing.assert_allclose(mount.intrinsics_px(1.0), real["camera_intrinsic"], atol=1)
        pose = SE3.from_pose(np.array([*real["rotation"], *real["translation"]]))
        cosine = (np.trace(pose.rotation.T @ mount.ego_SE3_camera().rotation) - 1) / 2
        assert np.rad2deg(np.arccos(cosine)) < 3
        offset_us = fired_us[mount.channel] - fired_us["LIDAR_TOP"]
        assert mount.time_offset_us() == pytest.approx(offset_us, abs=600)
