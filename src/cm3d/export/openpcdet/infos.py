"""Keyframes with boxes as OpenPCDet's nuScenes data set reads them.

Written for what its `NuScenesDataset` of version 0.6 takes from an info: LiDAR files and boxes, and
images where a configuration asks for them. Matrices are (4, 4).
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import points_in_boxes
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes3D, Cameras, GroundTruth, Sweeps
from cm3d.training.frames import TrainingFrame, to_sensor

_S_PER_MICROSECOND: Final = 1e-6
_FRONT: Final = "CAM_FRONT"


def keyframe_info(
    frame: TrainingFrame,
    timestamp_us: int,
    global_SE3_ego: SE3,
    points_m: NDArrayFloat,
    class_names: Sequence[str],
    past_sweeps: int,
) -> dict[str, Any]:
    """One keyframe with its past sweeps, images and boxes.

    Args:
        frame: Sweeps, images, and boxes in the global frame.
        timestamp_us: Time of the keyframe.
        global_SE3_ego: Ego pose then.
        points_m: (P, 3) points of the keyframe's own sweep in its LiDAR frame, to be counted
            per box.
        class_names: Those of the boxes.
        past_sweeps: How many are listed.

    Raises:
        InputError: The index lists no LiDAR file for the keyframe.
    """
    global_SE3_lidar = frame.global_SE3_lidar
    keyframe = frame.sweeps[frame.sweeps.sweep_index == 0]
    info = {
        "token": frame.sample_token,
        "timestamp": timestamp_us * _S_PER_MICROSECOND,
        "lidar_path": str(keyframe.path[0]),
        "ref_from_car": (global_SE3_lidar.inverse() @ global_SE3_ego).matrix,
        "car_from_global": global_SE3_ego.inverse().matrix,
        "sweeps": _sweeps(frame.sweeps, global_SE3_lidar, past_sweeps),
        "cams": {
            str(frame.cameras.channel[row]): _camera(
                frame.cameras[row : row + 1], global_SE3_lidar, global_SE3_ego
            )
            for row in range(len(frame.cameras))
        },
        **_boxes(frame.boxes, global_SE3_lidar, points_m, class_names),
    }
    if front := info["cams"].get(_FRONT):
        info["cam_front_path"] = front["data_path"]
        info["cam_intrinsic"] = front["camera_intrinsics"]
    return info


def _sweeps(sweeps: Sweeps, global_SE3_lidar: SE3, count: int) -> list[dict[str, Any]]:
    """So many past sweeps, new ones first.

    OpenPCDet draws them without replacement and fails where there are fewer. As in its own files
    the oldest one stands there again, and the keyframe itself where there is none.
    """
    lidar_SE3_global = global_SE3_lidar.inverse()
    entries = [
        {
            "lidar_path": str(sweeps.path[row]),
            "transform_matrix": (
                (lidar_SE3_global @ SE3.from_pose(sweeps.global_SE3_lidar[row])).matrix
                if sweeps.sweep_index[row]
                else None
            ),
            "time_lag": float(sweeps.time_lag_s[row]),
        }
        for row in np.argsort(sweeps.sweep_index)
    ]
    past = entries[1:] or entries
    return [past[min(place, len(past) - 1)] for place in range(count)]


def _camera(image: Cameras, global_SE3_lidar: SE3, global_SE3_ego: SE3) -> dict[str, Any]:
    """One image, a single row, its pose told from that of the vehicle at the keyframe's time."""
    global_SE3_camera = SE3.from_pose(image.global_SE3_camera[0])
    lidar_SE3_camera = global_SE3_lidar.inverse() @ global_SE3_camera
    ego_SE3_camera = global_SE3_ego.inverse() @ global_SE3_camera
    return {
        "data_path": str(image.path[0]),
        "type": str(image.channel[0]),
        "sample_data_token": str(image.camera_token[0]),
        "sensor2ego_rotation": ego_SE3_camera.as_pose()[:4],
        "sensor2ego_translation": ego_SE3_camera.translation_m,
        "ego2global_rotation": global_SE3_ego.as_pose()[:4],
        "ego2global_translation": global_SE3_ego.translation_m,
        "sensor2lidar_rotation": lidar_SE3_camera.rotation,
        "sensor2lidar_translation": lidar_SE3_camera.translation_m,
        "camera_intrinsics": image.intrinsics_px[0].reshape(3, 3),
    }


def _boxes(
    boxes: Boxes3D, global_SE3_lidar: SE3, points_m: NDArrayFloat, class_names: Sequence[str]
) -> dict[str, Any]:
    """Boxes (N, 9): centre, length, width, height, yaw and velocity in the LiDAR frame."""
    seen = to_sensor(boxes, global_SE3_lidar, class_names)
    nowhere = np.zeros(len(boxes), dtype=np.int64)
    columns = [seen.center_m, seen.size_m, seen.yaw_rad[:, None], seen.velocity_mps]
    return {
        "gt_boxes": np.concatenate(columns, axis=1),
        "gt_boxes_velocity": np.pad(seen.velocity_mps, [(0, 0), (0, 1)]),
        "gt_names": boxes.class_name.astype(np.str_),
        "num_lidar_pts": points_in_boxes(points_m, seen.cuboids).sum(axis=1),
        "num_radar_pts": boxes.num_radar_points if isinstance(boxes, GroundTruth) else nowhere,
    }
