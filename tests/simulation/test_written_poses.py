import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cm3d.geometry.se3 import SE3
from cm3d.simulation.sensors.rig import CAMERAS, EGO_SE3_LIDAR, LIDAR_CHANNEL
from cm3d.simulation.written_poses import WrittenPoses

SCENES = [f"scene-{number}" for number in range(200)]
TRUE = SE3.from_yaw(0.7, np.array([30.0, -20.0, 0.0]))


@pytest.fixture
def erring(small):
    sizes = {"camera_mounting_error_deg": 0.2, "camera_mounting_error_m": 0.03}
    return small.model_copy(update=sizes | {"ego_pose_error_deg": 0.05, "ego_pose_error_m": 0.04})


def _error(true, written):
    """Rotation vector in degrees and shift in metres, (6,), in the frame that is posed."""
    apart = true.inverse() @ written
    rotation_deg = np.rad2deg(Rotation.from_matrix(apart.rotation).as_rotvec())
    return np.concatenate([rotation_deg, apart.translation_m])


def test_without_errors_all_is_true(small):
    written = WrittenPoses(0, "scene", small)
    for mount in CAMERAS:
        error = _error(mount.ego_SE3_camera(), written.ego_SE3_sensor(mount.channel))
        np.testing.assert_allclose(error, 0, atol=1e-9)
    np.testing.assert_allclose(_error(TRUE, written.global_SE3_ego(1.5, TRUE)), 0, atol=1e-9)


def test_cameras_are_off_by_the_given_size(erring):
    scenes = [WrittenPoses(0, name, erring) for name in SCENES]
    errors = np.array(
        [_error(m.ego_SE3_camera(), s.ego_SE3_sensor(m.channel)) for s in scenes for m in CAMERAS]
    )
    np.testing.assert_allclose(errors.std(axis=0), [0.2] * 3 + [0.03] * 3, rtol=0.1)
    np.testing.assert_allclose(errors.mean(axis=0), 0, atol=0.02)


def test_the_lidar_is_the_reference(erring):
    assert WrittenPoses(0, "scene", erring).ego_SE3_sensor(LIDAR_CHANNEL) is EGO_SE3_LIDAR


def test_localisation_is_off_by_the_given_size(erring):
    times_s = np.linspace(0, 20, 9)
    errors = np.array(
        [
            _error(TRUE, written.global_SE3_ego(time_s, TRUE))
            for written in (WrittenPoses(0, name, erring) for name in SCENES)
            for time_s in times_s
        ]
    )
    np.testing.assert_allclose(errors.std(axis=0), [0.05] * 3 + [0.04] * 3, rtol=0.1)


def test_localisation_drifts_smoothly(erring):
    written = WrittenPoses(0, "scene", erring)
    shifts_m = np.array(
        [_error(TRUE, written.global_SE3_ego(0.05 * step, TRUE))[3:] for step in range(200)]
    )
    # At most three waves of amplitude 0.04 * sqrt(2 / 3) and a period of 2 s.
    fastest_mps = 3 * 0.04 * np.sqrt(2 / 3) * 2 * np.pi / 2
    assert np.abs(np.diff(shifts_m, axis=0)).max() <= 0.05 * fastest_mps
    assert np.ptp(shifts_m, axis=0).min() > 0.02


def test_scenes_and_seeds_differ_and_sizes_scale(small, erring):
    def written(seed, name, params):
        return _error(TRUE, WrittenPoses(seed, name, params).global_SE3_ego(0.0, TRUE))[3:]

    first = written(0, "scene", erring)
    assert np.abs(first - written(0, "other", erring)).max() > 1e-3
    assert np.abs(first - written(1, "scene", erring)).max() > 1e-3
    double = erring.model_copy(update={"ego_pose_error_m": 0.08})
    np.testing.assert_allclose(written(0, "scene", double), 2 * first)
