"""What a data set says of where its sensors were, against where they were.

Calibration is a little off, and stays so during a scene; localisation drifts by a little. Sensors
and ground truth know the true poses, files tell these.
"""

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation
from cm3d.simulation.sensors.rig import CAMERAS, EGO_SE3_LIDAR, LIDAR_CHANNEL, CameraMount

# Drift is a sum of waves of these periods, each with its own period and phase per axis.
_WAVES: Final = 3
_PERIODS_S: Final = (2.0, 20.0)


class WrittenPoses:
    """Calibration and ego poses of one scene as its files tell them."""

    def __init__(
        self,
        seed: int,
        scene_name: str,
        params: Simulation,
        cameras: Sequence[CameraMount] = CAMERAS,
    ) -> None:
        """Draw the errors; draws do not depend on their size.

        Args:
            seed: The source of all randomness.
            scene_name: Unique per scene.
            params: Standard deviations per axis.
            cameras: Of the rig.
        """
        keys = (zlib.crc32(key.encode()) for key in (scene_name, "written poses"))
        rng = np.random.default_rng([seed, *keys])
        angle, shift = np.deg2rad(params.camera_mounting_error_deg), params.camera_mounting_error_m
        sizes = np.repeat([angle, shift], 3)
        errors = rng.standard_normal((len(cameras), 6)) * sizes
        self._mounting = {LIDAR_CHANNEL: EGO_SE3_LIDAR} | {
            mount.channel: mount.ego_SE3_camera() @ _small(error)
            for mount, error in zip(cameras, errors, strict=True)
        }
        angle, shift = np.deg2rad(params.ego_pose_error_deg), params.ego_pose_error_m
        shortest_s, longest_s = _PERIODS_S
        # A sine's mean square is one half.
        self._amplitude = np.repeat([angle, shift], 3) * np.sqrt(2 / _WAVES)
        self._period_s = np.exp(rng.uniform(np.log(shortest_s), np.log(longest_s), (6, _WAVES)))
        self._phase_rad = rng.uniform(0, 2 * np.pi, (6, _WAVES))

    def ego_SE3_sensor(self, channel: str) -> SE3:
        """Pose of a sensor on the car; the LiDAR's is the reference, and exact."""
        return self._mounting[channel]

    def global_SE3_ego(self, time_s: float, true_global_SE3_ego: SE3) -> SE3:
        """Pose of the car at one time."""
        waves = np.sin(2 * np.pi * time_s / self._period_s + self._phase_rad).sum(axis=1)
        return true_global_SE3_ego @ _small(self._amplitude * waves)


def _small(motion: NDArrayFloat) -> SE3:
    """The transform of a rotation vector and a shift, (6,)."""
    return SE3(Rotation.from_rotvec(motion[:3]).as_matrix(), motion[3:])
