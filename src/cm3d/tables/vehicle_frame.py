"""Boxes as the vehicle sees them, at the time of their keyframe."""

import numpy as np
from scipy.spatial.transform import Rotation

from cm3d.geometry.angles import direction_of
from cm3d.geometry.cuboids import Cuboids
from cm3d.tables.boxes import Boxes3D
from cm3d.tables.index import Frames
from cm3d.tables.words import positions


def in_vehicle_frame(boxes: Boxes3D, frames: Frames) -> Cuboids:
    """Take boxes from the global frame to the vehicle's, upright in both.

    Args:
        boxes: Boxes of `frames` only.
        frames: They give the ego pose at the time of the LiDAR keyframe.
    """
    shapes = boxes.cuboids
    if not len(boxes):
        return shapes
    pose = frames.global_SE3_ego[positions(boxes.sample_token, frames.sample_token)]
    ego_R_global = Rotation.from_quat(pose[:, :4], scalar_first=True).inv()
    flat = np.zeros_like(shapes.yaw_rad)
    heading = np.stack([np.cos(shapes.yaw_rad), np.sin(shapes.yaw_rad), flat], axis=1)
    return Cuboids(
        ego_R_global.apply(shapes.center_m - pose[:, 4:]),
        shapes.length_m,
        shapes.width_m,
        shapes.height_m,
        direction_of(ego_R_global.apply(heading)),
    )
