"""Keyframes with their LiDAR files and boxes, for formats that trainings read."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from cm3d.errors import InputError
from cm3d.execution.progress import followed
from cm3d.export.protocol import Labels
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.sensors.card import Sensors, open_sensors
from cm3d.sensors.lidar import read_sweep
from cm3d.splits.labelled import has_returns
from cm3d.tables import GroundTruth, Sweeps, layout, read_scenes
from cm3d.training.frames import TrainingFrame
from cm3d.training.labels import training_frames

VALUES_PER_POINT: Final = 5  # of a LiDAR file of nuScenes


class Keyframe(NamedTuple):
    """What becomes one entry of an info file.

    Args:
        frame: Sweeps, and boxes in the global frame.
        timestamp_us: Time of the keyframe.
        global_SE3_ego: Ego pose then.
        points_m: (P, 3) points of the keyframe's own sweep in its LiDAR frame.
    """

    frame: TrainingFrame
    timestamp_us: int
    global_SE3_ego: SE3
    points_m: NDArrayFloat


def keyframes(labels: Labels, title: str) -> Iterator[Keyframe]:
    """All keyframes, each with as many sweeps as `detector.sweeps` says, its own included.

    Ground truth without a return is left out, as it is of our trainings and of nuScenes' task.

    Args:
        labels: What is exported.
        title: Of the format, to name it in a message.

    Raises:
        InputError: A table or LiDAR file is missing, or LiDAR files are not as nuScenes has them.
    """
    sensors = _sensors(labels, title)
    sweeps = read_scenes(Sweeps, layout.SWEEPS, labels.scenes)
    sweeps = sweeps[sweeps.sweep_index < labels.params.detector.sweeps]
    boxes = labels.boxes
    if isinstance(boxes, GroundTruth):
        boxes = boxes[has_returns(boxes)]
    frames = training_frames(labels.frames, sweeps, boxes)
    for row, frame in enumerate(followed(frames, "export", len(frames), "keyframe")):
        yield Keyframe(
            frame,
            int(labels.frames.timestamp_us[row]),
            SE3.from_pose(labels.frames.global_SE3_ego[row]),
            _keyframe_points(sensors, frame),
        )


def _sensors(labels: Labels, title: str) -> Sensors:
    sensors = open_sensors(labels.params.dataset)
    lidar = sensors.lidar
    if (lidar.file, lidar.dtype, len(lidar.columns)) != ("binary", "float32", VALUES_PER_POINT):
        raise InputError(
            f"{layout.CARD}: {title}'s nuScenes data set reads LiDAR files of {VALUES_PER_POINT} "
            "float32 a point; convert them and rerun `download`"
        )
    return sensors


def _keyframe_points(sensors: Sensors, frame: TrainingFrame) -> NDArrayFloat:
    """Points (P, 3) of the keyframe's own sweep in its LiDAR frame."""
    paths = frame.sweeps.path[frame.sweeps.sweep_index == 0]
    clouds = [read_sweep(sensors.root / path, sensors.lidar)[:, :3] for path in paths]
    return np.concatenate([np.empty((0, 3)), *clouds])
