"""Which boxes count, of our tables and of Waymo's files; frames and classes become numbers."""

import numpy as np

from cm3d.evaluation.waymo.boxes import Predictions, Truths
from cm3d.evaluation.waymo.rules import last_cutoff, levels_of
from cm3d.geometry.arrays import NDArrayInt, NDArrayObject
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.tables.vehicle_frame import in_vehicle_frame
from cm3d.tables.waymo_objects import WaymoObjects
from cm3d.tables.words import positions
from cm3d.taxonomy import Taxonomy


def drives(frames: Frames) -> list[str]:
    """Names of the drives, in the order of Waymo's tool, which sorts by text, the camera's too."""
    return sorted(set(frames.scene_name), key=lambda name: f"{name}_0")


def from_tables(
    boxes: Boxes3D, truth: GroundTruth, frames: Frames, taxonomy: Taxonomy
) -> tuple[Predictions, Truths]:
    """Boxes of some keyframes; ground truth that no LiDAR point hit is left out.

    Args:
        boxes: Predictions of any frames and of the taxonomy's classes, global frame.
        truth: Ground truth of any frames, global frame.
        frames: The keyframes.
        taxonomy: The classes.
    """
    boxes = boxes[positions(boxes.sample_token, frames.sample_token) >= 0]
    truth = truth[positions(truth.sample_token, frames.sample_token) >= 0]
    truth = truth[truth.num_lidar_points != 0]
    number = _frame_order(frames.scene_name, np.zeros(len(frames), int), frames.timestamp_us)
    frame, true_frame = (
        number[positions(rows.sample_token, frames.sample_token)] for rows in (boxes, truth)
    )
    predictions = Predictions(
        frame,
        taxonomy.indices(boxes.class_name),
        in_vehicle_frame(boxes, frames),
        last_cutoff(boxes.score),
        np.zeros(len(boxes), dtype=bool),
    )
    truths = Truths(
        true_frame,
        taxonomy.indices(truth.class_name),
        in_vehicle_frame(truth, frames),
        levels_of(truth.num_lidar_points, truth.difficulty),
    )
    return predictions, truths


def from_objects(predicted: WaymoObjects, true: WaymoObjects) -> tuple[Predictions, Truths]:
    """Objects of a known type, classes by type; ground truth without a LiDAR point is left out."""
    predicted = predicted[predicted.type > 0]
    true = true[(true.type > 0) & (true.num_lidar_points > 0)]
    both = WaymoObjects.concatenate([predicted, true])
    frame = _frame_order(both.context_name, both.camera, both.timestamp_us)
    level = levels_of(true.num_lidar_points, true.difficulty)
    predictions = Predictions(
        frame[: len(predicted)],
        predicted.type - 1,
        predicted.cuboids,
        last_cutoff(predicted.score),
        predicted.overlaps_nlz,
    )
    return predictions, Truths(frame[len(predicted) :], true.type - 1, true.cuboids, level)


def _frame_order(drive: NDArrayObject, camera: NDArrayInt, timestamp_us: NDArrayInt) -> NDArrayInt:
    """Number (N,) of each row's frame, in the order of Waymo's tool, which sorts by text."""
    drives, row = np.unique(drive.astype(str), return_inverse=True)
    cameras, column = np.unique(camera, return_inverse=True)
    texts = [[f"{name}_{number}" for number in cameras] for name in drives]
    place = np.unique(np.array(texts).reshape(-1), return_inverse=True)[1]
    place = place.reshape(len(drives), len(cameras))[row, column]
    keys = np.column_stack([place, timestamp_us])
    return np.asarray(np.unique(keys, axis=0, return_inverse=True)[1], dtype=np.int64).reshape(-1)
