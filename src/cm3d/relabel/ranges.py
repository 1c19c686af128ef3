"""How far boxes are from who sees them."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.words import positions


def range_m(boxes: Boxes3D, frames: Frames) -> NDArrayFloat:
    """Distance (N,) of boxes from the ego vehicle of their keyframe, seen from above.

    Args:
        boxes: N boxes, global frame.
        frames: At least their keyframes.
    """
    ego_xy_m = frames.global_SE3_ego[positions(boxes.sample_token, frames.sample_token), 4:6]
    return np.asarray(np.linalg.norm(boxes.center_m[:, :2] - ego_xy_m, axis=1))
