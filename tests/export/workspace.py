"""A tiny workspace to export from: a labelled, an unlabelled and two val keyframes."""

from pathlib import Path
from typing import Any

import numpy as np
from pyquaternion import Quaternion

from cm3d.datasets.nuscenes import CARD
from cm3d.geometry.se3 import SE3
from cm3d.tables import Boxes3D, Cameras, Frames, GroundTruth, Sweeps, layout
from experiments.overrides import write_overrides

SCENES = {"drive-train": ["labelled", "unlabelled"], "drive-val": ["first", "second"]}
LABELS = Path("data/pseudo_labels")
# Vehicle, LiDAR and camera lean, each in its own way, and move between keyframes.
EGO_YAW_RAD = {"labelled": 0.1, "unlabelled": 1.2, "first": 2.9, "second": -2.0}
TIME_US = {token: 1_500_000_000_000_000 + 500_000 * n for n, token in enumerate(EGO_YAW_RAD)}
EGO_SE3_LIDAR = SE3.from_pose([*Quaternion(axis=[1, 2, 40], degrees=-90).q, 0.9, 0.1, 1.8])
# looks ahead, a little down
LEVEL = Quaternion(matrix=np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]))
EGO_SE3_FRONT = SE3.from_pose([*(LEVEL * Quaternion(axis=[-1, 0.1, 0], degrees=2)).q, 1.7, 0, 1.5])
EGO_SE3_BACK = SE3.from_pose([*(Quaternion(axis=[0, 0, 1], degrees=180) * LEVEL).q, 0, 0, 1.5])


def global_SE3_ego(token: str) -> SE3:
    lean = Quaternion(axis=[3, -1, 0], degrees=1.5)
    turn = Quaternion(axis=[0, 0, 1], radians=EGO_YAW_RAD[token])
    return SE3.from_pose([*(turn * lean).q, 100 + 50 * EGO_YAW_RAD[token], -40, 3])


def boxes_of(token: str, class_names: tuple[str, ...] = ("car", "bus", "pedestrian")) -> Boxes3D:
    """Ahead of the vehicle and behind it; the last one's velocity is unknown."""
    center_m = np.array([[15.0, 4, 0.8], [30, -6, 1.7], [-12, 2, 0.9]])
    count = len(center_m)
    return Boxes3D.from_columns(
        sample_token=[token] * count,
        class_name=class_names,
        score=[0.875, 0.5, 0.25],
        center_m=global_SE3_ego(token).transform_points(center_m),
        length_m=[4.5, 11.0, 0.7],
        width_m=[1.9, 2.9, 0.6],
        height_m=[1.6, 3.4, 1.8],
        yaw_rad=EGO_YAW_RAD[token] + np.array([0.4, 3.0, -1.3]),
        velocity_mps=[[3, -1], [0, 0], [np.nan, np.nan]],
        attribute_name=[""] * count,
    )


def truth_of(token: str) -> GroundTruth:
    """The same boxes; nothing has come back from the bus."""
    return GroundTruth(
        **vars(boxes_of(token).replace(score=[1, 1, 1])),
        instance_token=np.array(["i", "j", "k"], dtype=object),
        num_lidar_points=np.array([3, 0, 0]),
        num_radar_points=np.array([0, 0, 2]),
        visibility=np.array([4, 1, 3]),
    )


def write_workspace() -> None:
    """Parameters, class lists, index, LiDAR files and tables in the current folder."""
    write_overrides(Path("params.yaml"), {"labels.frames_file": "labelled.json"})
    Path("labelled.json").write_text('["labelled"]')
    CARD.model_copy(update={"name": "sim", "embedded": True}).write(layout.CARD)
    for scene, tokens in SCENES.items():
        write_scene(scene, tokens)


def write_scene(scene: str, tokens: list[str]) -> None:
    file = f"{scene}.parquet"
    egos = [global_SE3_ego(token) for token in tokens]
    Frames.from_columns(
        sample_token=tokens,
        scene_name=[scene] * len(tokens),
        timestamp_us=[TIME_US[token] for token in tokens],
        split=[scene.removeprefix("drive-")] * len(tokens),
        location=[""] * len(tokens),
        global_SE3_ego=[ego.as_pose() for ego in egos],
    ).write(layout.FRAMES / file)
    lidars = [ego @ EGO_SE3_LIDAR for ego in egos]
    paths = [f"samples/LIDAR_TOP/{token}.bin" for token in tokens]
    columns: dict[str, Any] = dict(path=paths, global_SE3_lidar=[pose.as_pose() for pose in lidars])
    Sweeps.from_columns(
        sample_token=tokens, sweep_index=[0] * len(tokens), time_lag_s=[0] * len(tokens), **columns
    ).write(layout.SWEEPS / file)
    for token, path, lidar in zip(tokens, paths, lidars, strict=True):
        # one point within each box
        points_m = lidar.inverse().transform_points(boxes_of(token).center_m)
        (layout.RAW / path).parent.mkdir(parents=True, exist_ok=True)
        np.pad(points_m, [(0, 0), (0, 2)]).astype(np.float32).tofile(layout.RAW / path)
    mounts = {"CAM_FRONT": EGO_SE3_FRONT, "CAM_BACK": EGO_SE3_BACK}
    images = [(token, channel) for token in tokens for channel in mounts]
    Cameras.from_columns(
        camera_token=[f"{token}-{channel}" for token, channel in images],
        sample_token=[token for token, _ in images],
        channel=[channel for _, channel in images],
        path=[f"samples/{channel}/{token}.jpg" for token, channel in images],
        width_px=[1600] * len(images),
        height_px=[900] * len(images),
        intrinsics_px=[[800, 0, 800, 0, 800, 450, 0, 0, 1]] * len(images),
        global_SE3_camera=[(global_SE3_ego(t) @ mounts[c]).as_pose() for t, c in images],
    ).write(layout.CAMERAS / file)
    Boxes3D.concatenate(map(boxes_of, tokens)).write(LABELS / file)
    GroundTruth.concatenate(map(truth_of, tokens)).write(layout.GROUND_TRUTH / file)
