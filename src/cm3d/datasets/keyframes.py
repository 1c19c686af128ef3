"""Drives whose every LiDAR sweep is a keyframe: from one record per keyframe to tables."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cm3d.datasets.protocol import SPLITS, IndexedScene
from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, floats_or_nan
from cm3d.geometry.cuboids import points_by_box
from cm3d.geometry.se3 import SE3
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import DataCard, Sensors
from cm3d.tables import Cameras, Frames, GroundTruth, Lanes, Sweeps
from cm3d.tables.map_areas import MapAreas

# Of points in a box: `download` counts them then.
UNKNOWN_POINTS = -1


@dataclass(frozen=True, eq=False)
class Image:
    """An undistorted image.

    Args:
        channel: Name of the camera.
        path: File, relative to the data set's root.
        width_px: Of the file.
        height_px: Of the file.
        intrinsics_px: (3, 3) pinhole matrix.
        global_SE3_camera: Pose when the image was taken; z forward, x right, y down.
    """

    channel: str
    path: str
    width_px: int
    height_px: int
    intrinsics_px: NDArrayFloat
    global_SE3_camera: SE3


@dataclass(frozen=True, eq=False)
class Box:
    """An annotated object, global frame.

    Args:
        class_name: Of the taxonomy.
        instance: Name of the object, the same over a drive.
        center_m: (3,).
        length_m: Along the heading.
        width_m: Across it.
        height_m: Vertical.
        yaw_rad: Heading about +z.
        attribute_name: What it does, of the taxonomy's; empty where unknown.
        velocity_mps: x, y; NaN where unknown.
        num_lidar_points: LiDAR returns of the keyframe inside; `download` counts them if unknown.
        difficulty: Waymo's level 1 or 2 where an annotator has set it; else 0.
    """

    class_name: str
    instance: str
    center_m: Sequence[float]
    length_m: float
    width_m: float
    height_m: float
    yaw_rad: float
    attribute_name: str = ""
    velocity_mps: Sequence[float] = (math.nan, math.nan)
    num_lidar_points: int = UNKNOWN_POINTS
    difficulty: int = 0


@dataclass(frozen=True, eq=False)
class Keyframe:
    """What a car saw at one moment.

    Args:
        token: Key, unique in the data set.
        timestamp_us: Of the LiDAR sweep.
        global_SE3_ego: Pose of the car; the global frame is fixed, with z up.
        lidar_path: File, relative to the data set's root.
        global_SE3_lidar: Pose of the sensor at the sweep.
        images: Of all cameras.
        boxes: Annotations, if there are any.
    """

    token: str
    timestamp_us: int
    global_SE3_ego: SE3
    lidar_path: str
    global_SE3_lidar: SE3
    images: Sequence[Image] = ()
    boxes: Sequence[Box] = field(default=())


@dataclass(frozen=True, eq=False)
class Drives:
    """A data set of such drives, without a map; meets `protocol.DataSet`.

    Args:
        root: Folder that paths start from.
        card: What it says of its files.
        past_sweeps: Sweeps listed per keyframe besides itself, at most.
        splits: `train` or `val`, by drive.
        keyframes: In time order, by drive.

    Raises:
        InputError: A drive has a split and no keyframes, or the other way round.
    """

    root: Path
    card: DataCard
    past_sweeps: int
    splits: Mapping[str, str]
    keyframes: Mapping[str, Sequence[Keyframe]]

    def __post_init__(self) -> None:
        """See that both speak of the same drives: one that only one of them has would be lost."""
        if odd := sorted(map(str, self.splits.keys() ^ self.keyframes.keys())):
            raise InputError(
                f"drive {odd[0]!r}: it has only one of a split and keyframes; give it both or "
                "leave it out"
            )

    def scenes(self) -> dict[str, list[str]]:
        """Names of drives by split, also by one that `download` refuses."""
        splits = dict.fromkeys([*SPLITS, *self.splits.values()])
        return {split: [n for n, own in self.splits.items() if own == split] for split in splits}

    def scene(self, name: str) -> IndexedScene:
        """Index one drive."""
        return index_keyframes(name, self.splits[name], self.keyframes[name], self.past_sweeps)

    def lanes(self, location: str, step_m: float) -> Lanes:
        """None."""
        return Lanes.empty()

    def map_areas(self, location: str) -> MapAreas:
        """None."""
        return MapAreas.empty()

    def notes(self, locations: Iterable[str]) -> list[str]:
        """Nothing is missing."""
        return []


def index_keyframes(
    scene_name: str, split: str, keyframes: Sequence[Keyframe], past_sweeps: int, location: str = ""
) -> IndexedScene:
    """Index one drive.

    Args:
        scene_name: Name of the drive.
        split: `train` or `val`.
        keyframes: In time order; each has the sweeps of those before it as its past ones.
        past_sweeps: How many of them at most.
        location: Name of its map; empty without one.
    """
    count = len(keyframes)
    return IndexedScene(
        frames=Frames.from_columns(
            sample_token=[keyframe.token for keyframe in keyframes],
            scene_name=[scene_name] * count,
            timestamp_us=[keyframe.timestamp_us for keyframe in keyframes],
            split=[split] * count,
            location=[location] * count,
            global_SE3_ego=[keyframe.global_SE3_ego.as_pose() for keyframe in keyframes],
        ),
        sweeps=_sweeps(keyframes, past_sweeps),
        cameras=_cameras(keyframes),
        ground_truth=_ground_truth(keyframes),
    )


def _sweeps(keyframes: Sequence[Keyframe], past_sweeps: int) -> Sweeps:
    ages = [(row, age) for row in range(len(keyframes)) for age in range(min(past_sweeps, row) + 1)]
    pairs = [(keyframes[row], keyframes[row - age], age) for row, age in ages]
    return Sweeps.from_columns(
        sample_token=[now.token for now, _, _ in pairs],
        sweep_index=[age for _, _, age in pairs],
        path=[then.lidar_path for _, then, _ in pairs],
        time_lag_s=[(now.timestamp_us - then.timestamp_us) * 1e-6 for now, then, _ in pairs],
        global_SE3_lidar=[then.global_SE3_lidar.as_pose() for _, then, _ in pairs],
    )


def _cameras(keyframes: Sequence[Keyframe]) -> Cameras:
    rows = [(keyframe, image) for keyframe in keyframes for image in keyframe.images]
    if not rows:
        return Cameras.empty()
    return Cameras.from_columns(
        camera_token=[f"{keyframe.token}-{image.channel}" for keyframe, image in rows],
        sample_token=[keyframe.token for keyframe, _ in rows],
        channel=[image.channel for _, image in rows],
        path=[image.path for _, image in rows],
        width_px=[image.width_px for _, image in rows],
        height_px=[image.height_px for _, image in rows],
        intrinsics_px=[floats_or_nan(image.intrinsics_px, (3, 3)).ravel() for _, image in rows],
        global_SE3_camera=[image.global_SE3_camera.as_pose() for _, image in rows],
    )


def _ground_truth(keyframes: Sequence[Keyframe]) -> GroundTruth:
    rows = [(keyframe, box) for keyframe in keyframes for box in keyframe.boxes]
    if not rows:
        return GroundTruth.empty()
    extents = ("length_m", "width_m", "height_m", "yaw_rad")
    return GroundTruth.from_columns(
        sample_token=[keyframe.token for keyframe, _ in rows],
        class_name=[box.class_name for _, box in rows],
        score=np.ones(len(rows)),
        center_m=[floats_or_nan(box.center_m, (3,)) for _, box in rows],
        velocity_mps=[box.velocity_mps for _, box in rows],
        attribute_name=[box.attribute_name for _, box in rows],
        instance_token=[box.instance for _, box in rows],
        num_lidar_points=[box.num_lidar_points for _, box in rows],
        num_radar_points=np.zeros(len(rows), dtype=np.int64),
        visibility=[-box.difficulty for _, box in rows],
        **{n: [floats_or_nan(getattr(box, n), ()) for _, box in rows] for n in extents},
    )


def with_counted_points(scene: IndexedScene, sensors: Sensors) -> IndexedScene:
    """The scene with the LiDAR returns of the keyframe in each box, where they were not known.

    Raises:
        InputError: A sensor file cannot be read.
    """
    truth, sweeps = scene.ground_truth, scene.sweeps
    counts = truth.num_lidar_points.copy()
    for token in np.unique(truth.sample_token[counts == UNKNOWN_POINTS]):
        rows = np.flatnonzero((truth.sample_token == token) & (counts == UNKNOWN_POINTS))
        of_frame = sweeps[sweeps.sample_token == token]
        cloud = accumulate(sensors, of_frame, SE3.identity(), max_sweeps=1, ego_half_extent_m=0.0)
        box, _ = points_by_box(cloud.xyz_m, truth[rows].cuboids)
        counts[rows] = np.bincount(box, minlength=len(rows))
    return replace(scene, ground_truth=truth.replace(num_lidar_points=counts))
