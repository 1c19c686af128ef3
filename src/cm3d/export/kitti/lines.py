"""Boxes as one camera sees them, in KITTI's words: a line of text per box.

KITTI's camera frame is ours: x right, y down, z forward. Its boxes stand upright in that frame, and
are placed by the middle of their bottom.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from cm3d.geometry.angles import direction_of, wrap_angle
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cameras import outline_boxes
from cm3d.geometry.cuboids import box_corners
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes3D, Cameras, GroundTruth

# KITTI's occlusion by nuScenes' visibility: unknown; 0-40%, 40-60%, 60-80%, 80-100% visible
_OCCLUSION: Final = np.array([3, 2, 1, 1, 0])
_UNKNOWN: Final = 3
_FAR_PX: Final = 10**8  # beyond any outline: 100 m at 0.1 m, with a focal length of 10^5


def label_lines(boxes: Boxes3D, camera: Cameras, types: Mapping[str, str]) -> list[str]:
    """A line for each box of which the image shows something.

    Args:
        boxes: Of one keyframe, global frame; lines of ground truth have no score.
        camera: One image of it, a single row.
        types: Type by class.
    """
    camera_SE3_global = SE3.from_pose(camera.global_SE3_camera[0]).inverse()
    intrinsics_px = camera.intrinsics_px[0].reshape(3, 3)
    corners_m = camera_SE3_global.transform_points(box_corners(boxes.cuboids).reshape(-1, 3))
    corners_m = corners_m.reshape(-1, 8, 3)
    width_px, height_px = int(camera.width_px[0]), int(camera.height_px[0])
    outline_px = outline_boxes(corners_m, intrinsics_px, width_px, height_px)
    seen = np.flatnonzero(_area(outline_px) > 0)
    boxes, outline_px = boxes[seen], outline_px[seen]
    truncation = 1 - _area(outline_px) / _area(_whole_outline(corners_m[seen], intrinsics_px))
    location_m = camera_SE3_global.transform_points(boxes.center_m)
    location_m[:, 1] += boxes.height_m / 2
    rotation_y = _rotation_y(camera_SE3_global, boxes.yaw_rad)
    alpha = wrap_angle(rotation_y - direction_of(location_m[:, [2, 0]]))
    columns = [
        np.clip(truncation, 0, 1),
        _occlusion(boxes),
        alpha,
        *outline_px.T,
        *(boxes.height_m, boxes.width_m, boxes.length_m),
        *location_m.T,
        rotation_y,
    ]
    formats = ["%.2f", "%d", "%.4f", *["%.2f"] * 4, *["%.4f"] * 7]
    if not isinstance(boxes, GroundTruth):
        columns.append(boxes.score)
        formats.append("%.6f")
    line = " ".join(formats)
    rows = np.column_stack(columns)
    words = [types[name] for name in boxes.class_name]
    return [f"{word} {line % tuple(row)}" for word, row in zip(words, rows.tolist(), strict=True)]


def _rotation_y(camera_SE3_global: SE3, yaw_rad: NDArrayFloat) -> NDArrayFloat:
    """Heading (N,) about the camera's y axis, which points down, from its x axis."""
    flat = np.zeros_like(yaw_rad)
    heading = camera_SE3_global.rotate(np.stack([np.cos(yaw_rad), np.sin(yaw_rad), flat], axis=1))
    return direction_of(np.stack([heading[:, 0], -heading[:, 2]], axis=1))


def _whole_outline(corners_m: NDArrayFloat, intrinsics_px: NDArrayFloat) -> NDArrayFloat:
    """Outlines (N, 4) that no image clips, with another origin."""
    moved_px = intrinsics_px.copy()
    moved_px[:2, 2] = _FAR_PX
    return outline_boxes(corners_m, moved_px, 2 * _FAR_PX, 2 * _FAR_PX)


def _area(outline_px: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(np.prod(outline_px[:, 2:] - outline_px[:, :2], axis=1))


def _occlusion(boxes: Boxes3D) -> NDArrayInt:
    if isinstance(boxes, GroundTruth):
        return np.asarray(_OCCLUSION[np.maximum(boxes.visibility, 0)])  # below 0: not known either
    return np.full(len(boxes), _UNKNOWN)
