"""Where the sensors sit on the car, and when they fire: nuScenes' rig, rounded.

Other rigs are made of the same parts.

The ego frame is x forward, y left, z up, origin on the ground under the rear axle. The LiDAR
looks along its own y axis (its x points right); cameras are x right, y down, z forward.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cameras import scale_intrinsics
from cm3d.geometry.se3 import SE3

IMAGE_WIDTH_PX: Final = 1600
IMAGE_HEIGHT_PX: Final = 900

SWEEP_PERIOD_US: Final = 50_000
SWEEPS_PER_KEYFRAME: Final = 10

LIDAR_CHANNEL: Final = "LIDAR_TOP"
EGO_SE3_LIDAR: Final = SE3.from_yaw(-np.pi / 2, np.array([0.943713, 0.0, 1.84023]))

# The beam turns clockwise; the LiDAR's time stamp is the moment at which it passes this yaw.
SWEEP_END_YAW_DEG: Final = 106.0


@dataclass(frozen=True)
class Spin:
    """How the LiDAR that cameras follow turns, clockwise.

    Args:
        period_us: Of a turn.
        end_yaw_deg: Where the beam looks when a turn ends, from the ego x axis.
        stamp_before_end_us: How long before the end of the turn its time stamp is.
    """

    period_us: int
    end_yaw_deg: float
    stamp_before_end_us: int = 0

    def offset_us(self, yaw_deg: float) -> int:
        """When the beam passes a yaw, against the time stamp."""
        turn = ((yaw_deg - self.end_yaw_deg) % 360) / 360
        return self.stamp_before_end_us - round(turn * self.period_us)


SPIN: Final = Spin(SWEEP_PERIOD_US, SWEEP_END_YAW_DEG)


@dataclass(frozen=True)
class CameraMount:
    """One camera of the rig.

    Args:
        channel: Its name.
        yaw_deg: Where it looks, from the ego x axis, counter-clockwise.
        position_m: (3,) in the ego frame.
        focal_px: Of the full image, both axes.
        center_px: (2,) principal point of the full image.
        size_px: Width and height of the full image.
        spin: Of the LiDAR whose beam it follows.
    """

    channel: str
    yaw_deg: float
    position_m: tuple[float, float, float]
    focal_px: float
    center_px: tuple[float, float]
    size_px: tuple[int, int] = (IMAGE_WIDTH_PX, IMAGE_HEIGHT_PX)
    spin: Spin = SPIN

    def ego_SE3_camera(self) -> SE3:
        """Pose on the car."""
        forward_SE3_camera = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
        yaw = SE3.from_yaw(np.deg2rad(self.yaw_deg), np.array(self.position_m))
        return SE3(yaw.rotation @ forward_SE3_camera, yaw.translation_m)

    def intrinsics_px(self, image_scale: float) -> NDArrayFloat:
        """Pinhole matrix (3, 3) of the scaled image."""
        u, v = self.center_px
        full = np.array([[self.focal_px, 0, u], [0, self.focal_px, v], [0, 0, 1]])
        (width_px, height_px), (full_width_px, full_height_px) = (
            self.scaled_px(image_scale),
            self.size_px,
        )
        return scale_intrinsics(full, width_px / full_width_px, height_px / full_height_px)

    def scaled_px(self, image_scale: float) -> tuple[int, int]:
        """Width and height of images at a share of the full size."""
        width_px, height_px = self.size_px
        return round(width_px * image_scale), round(height_px * image_scale)

    def time_offset_us(self) -> int:
        """Trigger time against the LiDAR's: when the beam passes the optical axis."""
        return self.spin.offset_us(self.yaw_deg)


CAMERAS: Final = (
    CameraMount("CAM_FRONT", 0, (1.70, 0.02, 1.51), 1266, (816, 491)),
    CameraMount("CAM_FRONT_RIGHT", -55, (1.55, -0.49, 1.50), 1261, (808, 495)),
    CameraMount("CAM_BACK_RIGHT", -110, (1.01, -0.48, 1.56), 1260, (807, 501)),
    CameraMount("CAM_BACK", 180, (0.03, 0.00, 1.58), 809, (829, 482)),
    CameraMount("CAM_BACK_LEFT", 110, (1.04, 0.48, 1.59), 1257, (792, 493)),
    CameraMount("CAM_FRONT_LEFT", 55, (1.52, 0.49, 1.51), 1273, (827, 480)),
)
