"""The index of a nuScenes database, one scene at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

from cm3d.datasets import annotations, sensor_files
from cm3d.datasets.database import NuScenesTables
from cm3d.datasets.splits import SPLITS, scene_names
from cm3d.errors import InputError
from cm3d.tables import Boxes3D, Cameras, Frames, GroundTruth, Sweeps


@dataclass(frozen=True, eq=False)
class IndexedScene:
    """All that later stages know of a scene.

    Args:
        frames: Its keyframes.
        sweeps: Their LiDAR files.
        cameras: Their images.
        ground_truth: Their annotated boxes, ten classes.
        bicycle_racks: Their bicycle racks, which the metrics ask for.
    """

    frames: Frames
    sweeps: Sweeps
    cameras: Cameras
    ground_truth: GroundTruth
    bicycle_racks: Boxes3D


def index_scene(
    tables: NuScenesTables, scene_name: str, past_sweeps: int, ranks: Mapping[str, float]
) -> IndexedScene:
    """Index one scene.

    Args:
        tables: The database.
        scene_name: A scene of its train or val split.
        past_sweeps: Sweeps listed per keyframe besides itself.
        ranks: Label ranks of the data set, see `splits.label_ranks`.

    Raises:
        InputError: The scene is unknown or in no split, or a record is missing.
    """
    tokens = [str(sample["token"]) for sample in tables.samples(scene_name)]
    return IndexedScene(
        frames=_frames(tables, scene_name, tokens, ranks),
        sweeps=Sweeps.concatenate(sensor_files.sweeps(tables, t, past_sweeps) for t in tokens),
        cameras=Cameras.concatenate(sensor_files.cameras(tables, t) for t in tokens),
        ground_truth=GroundTruth.concatenate(annotations.ground_truth(tables, t) for t in tokens),
        bicycle_racks=Boxes3D.concatenate(annotations.bicycle_racks(tables, t) for t in tokens),
    )


def _frames(
    tables: NuScenesTables, scene_name: str, tokens: list[str], ranks: Mapping[str, float]
) -> Frames:
    lidar = [sensor_files.lidar_keyframe(tables, token) for token in tokens]
    poses = [sensor_files.global_SE3_ego(tables, record).as_pose() for record in lidar]
    return Frames.from_columns(
        sample_token=tokens,
        scene_name=[scene_name] * len(tokens),
        timestamp_us=[record["timestamp"] for record in lidar],
        split=[_split(tables, scene_name)] * len(tokens),
        location=[tables.location(scene_name)] * len(tokens),
        global_SE3_ego=poses,
        label_rank=[ranks.get(token, 1.0) for token in tokens],
    )


def _split(tables: NuScenesTables, scene_name: str) -> str:
    splits = scene_names(tables)
    for split in SPLITS:
        if scene_name in splits[split]:
            return split
    raise InputError(f"{tables.root}: scene {scene_name!r} is in no split; check dataset.version")
