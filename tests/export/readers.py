"""Small readers of each format, written apart from the writers: boxes in the global frame.

Each gives rows (N, 10) of centre, length, width, height, yaw, velocity and score by keyframe and
class; NaN is what a format does not say.
"""

import csv
import json
import pickle
from pathlib import Path

import numpy as np
from pyquaternion import Quaternion

from cm3d.tables.waymo_objects import read_objects

Rows = dict[tuple[str, str], np.ndarray]
NAN = float("nan")


def upright_yaw(angle: float, first: np.ndarray, second: np.ndarray) -> float:
    """Global yaw of a level heading that a leaning sensor sees at an angle.

    Args:
        angle: From its axis `first` to its axis `second`, both given in the global frame.
        first: (3,) unit vector.
        second: (3,) another one.
    """
    # (cos yaw, sin yaw, 0) has no part across the direction that the sensor sees
    across = -np.sin(angle) * first + np.cos(angle) * second
    along = np.cos(angle) * first + np.sin(angle) * second
    yaw = np.arctan2(-across[0], across[1])
    ahead = along[0] * np.cos(yaw) + along[1] * np.sin(yaw)
    return float(yaw if ahead > 0 else yaw + np.pi)


def grouped(boxes: list[tuple[str, str, list[float]]]) -> Rows:
    groups: dict[tuple[str, str], list[list[float]]] = {}
    for token, name, row in boxes:
        groups.setdefault((token, name), []).append(row)
    return {key: np.array(rows, dtype=np.float64) for key, rows in groups.items()}


def in_world(pose: np.ndarray, box: np.ndarray) -> list[float]:
    """Centre, size, yaw and velocity from a sensor's frame (4, 4), z up."""
    center_m = pose @ [*box[:3], 1]
    axes = pose[:3, :3]
    vx, vy = np.linalg.solve(axes.T[:2, :2], box[7:9])  # a level velocity, seen leaning
    return [*center_m[:3], *box[3:6], upright_yaw(box[6], axes[:, 0], axes[:, 1]), vx, vy]


def read_nuscenes(folder: Path) -> Rows:
    boxes = []
    content = json.loads((folder / "results_nusc.json").read_text())
    for token, entries in content["results"].items():
        for entry in entries:
            width_m, length_m, height_m = entry["size"]
            yaw = Quaternion(entry["rotation"]).yaw_pitch_roll[0]
            row = [*entry["translation"], length_m, width_m, height_m, yaw, *entry["velocity"]]
            boxes.append((token, entry["detection_name"], [*row, entry["detection_score"]]))
    return grouped(boxes)


def read_mmdet3d(path: Path) -> Rows:
    boxes = []
    content = json.loads(path.read_text())
    names = {number: name for name, number in content["metainfo"]["categories"].items()}
    for info in content["data_list"]:
        pose = np.array(info["ego2global"]) @ info["lidar_points"]["lidar2ego"]
        for box in info["instances"]:
            velocity = [NAN if value is None else value for value in box["velocity"]]
            row = in_world(pose, np.array([*box["bbox_3d"], *velocity]))
            boxes.append((info["token"], names[box["bbox_label_3d"]], [*row, NAN]))
    return grouped(boxes)


def read_openpcdet(path: Path) -> Rows:
    boxes = []
    for info in pickle.loads(path.read_bytes()):
        pose = np.linalg.inv(info["ref_from_car"] @ info["car_from_global"])
        for name, box in zip(info["gt_names"], info["gt_boxes"], strict=True):
            boxes.append((info["token"], str(name), [*in_world(pose, box), NAN]))
    return grouped(boxes)


def read_waymo(path: Path, poses: dict[str, np.ndarray], times_us: dict[int, str]) -> Rows:
    """Args: file, pose (4, 4) of the vehicle by keyframe, keyframe by time."""
    names = {1: "vehicle", 2: "pedestrian", 4: "cyclist"}
    objects, boxes = read_objects(path), []
    sizes = zip(objects.length_m, objects.width_m, objects.height_m, strict=True)
    for row, size_m in enumerate(sizes):
        token = times_us[int(objects.timestamp_us[row])]
        box = np.array([*objects.center_m[row], *size_m, objects.yaw_rad[row], NAN, NAN])
        values = [*in_world(poses[token], box), objects.score[row]]
        boxes.append((token, names[int(objects.type[row])], values))
    return grouped(boxes)


def read_kitti(folder: Path, channel: str, poses: dict[str, np.ndarray]) -> Rows:
    """Args: folder of an export, camera, its pose (4, 4) by keyframe."""
    boxes = []
    with (folder / "frames.csv").open(newline="") as file:
        tokens = {row["number"]: row["sample_token"] for row in csv.DictReader(file)}
    for path in sorted((folder / channel).glob("*.txt")):
        token = tokens[path.stem]
        pose = poses[token]
        for line in path.read_text().splitlines():
            name, *words = line.split()
            height_m, width_m, length_m, x, y, z, rotation_y = map(float, words[7:14])
            center_m = (pose @ [x, y - height_m / 2, z, 1])[:3]
            # from the camera's x axis towards what is behind its z axis
            yaw = upright_yaw(rotation_y, pose[:3, 0], -pose[:3, 2])
            score = float(words[14]) if len(words) > 14 else NAN
            row = [*center_m, length_m, width_m, height_m, yaw, NAN, NAN, score]
            boxes.append((token, name, row))
    return grouped(boxes)
