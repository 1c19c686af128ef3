"""Which boxes count: the nuScenes detection task's rules, on tables instead of the database.

The rules are those of `nuscenes.eval.common.loaders`: boxes beyond their class's range are
dropped, so is ground truth without a LiDAR or radar point, and so are cycles in bicycle racks.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayInt, NDArrayObject
from cm3d.geometry.cuboids import points_in_own_boxes
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout, parquet, read_scenes
from cm3d.tables.classed import read_classed
from cm3d.tables.result_files import MAX_BOXES_PER_FRAME
from cm3d.tables.words import codes, positions
from cm3d.taxonomy import Taxonomy

BoxesT = TypeVar("BoxesT", bound=Boxes3D)

_SHOWN_NAMES: Final = 20


def submitted(predictions: Boxes3D) -> Boxes3D:
    """Predictions as a result file holds them: JSON has no NaN, so unknown velocities are 0."""
    return predictions.replace(velocity_mps=np.nan_to_num(predictions.velocity_mps))


def frame_rows(sample_tokens: NDArrayObject, frames: Frames) -> NDArrayInt:
    """Row of each token (N,) in `frames`; -1 where it is not there."""
    return positions(sample_tokens, frames.sample_token)


def group_by_frame(boxes: BoxesT, frames: Frames) -> BoxesT:
    """Drop boxes of other frames and sort the rest by frame; the order within one is kept."""
    rows = frame_rows(boxes.sample_token, frames)
    order = np.argsort(rows, kind="stable")
    return boxes[order[rows[order] >= 0]]


def keep_best(boxes: BoxesT, max_boxes: int = MAX_BOXES_PER_FRAME) -> BoxesT:
    """Keep the best-scored boxes of each frame, in their order; the task allows 500."""
    frame = codes(boxes.sample_token)
    best_first = np.lexsort((-boxes.score, frame))
    first_of_frame = np.searchsorted(frame[best_first], frame[best_first], side="left")
    keep = np.zeros(len(boxes), dtype=bool)
    keep[best_first] = np.arange(len(boxes)) - first_of_frame < max_boxes
    return boxes[keep]


def in_range(boxes: BoxesT, frames: Frames, range_m: Mapping[str, float]) -> BoxesT:
    """Keep boxes nearer to the ego vehicle than their class's range, in xy.

    Args:
        boxes: Boxes of `frames` only.
        frames: They give the ego pose at the time of the LiDAR keyframe.
        range_m: Range by class name; boxes of other classes are dropped.
    """
    ego_xy_m = frames.global_SE3_ego[frame_rows(boxes.sample_token, frames), 4:6]
    distance_m = np.sqrt(np.sum((boxes.center_m[:, :2] - ego_xy_m) ** 2, axis=1))
    limit_m = np.array([*range_m.values(), 0.0])  # the last for position -1
    return boxes[distance_m < limit_m[positions(boxes.class_name, range_m)]]


def observed(ground_truth: GroundTruth) -> GroundTruth:
    """Keep ground truth that at least one LiDAR or radar return hit."""
    return ground_truth[ground_truth.num_lidar_points + ground_truth.num_radar_points != 0]


def outside_racks(boxes: BoxesT, bicycle_racks: Boxes3D, class_names: Sequence[str]) -> BoxesT:
    """Drop boxes of the classes that stand in bicycle racks whose centre lies in one."""
    cycles = np.flatnonzero(positions(boxes.class_name, class_names) >= 0)
    cycle, rack = _pairs_of_a_frame(boxes.sample_token[cycles], bicycle_racks.sample_token)
    inside = points_in_own_boxes(boxes.center_m[cycles[cycle]], bicycle_racks[rack].cuboids)
    keep = np.ones(len(boxes), dtype=bool)
    keep[cycles[cycle[inside]]] = False
    return boxes[keep]


def _pairs_of_a_frame(
    tokens: NDArrayObject, other_tokens: NDArrayObject
) -> tuple[NDArrayInt, NDArrayInt]:
    """Rows (P,) in both lists of all pairs with one sample token."""
    frame = codes(np.concatenate([tokens, other_tokens]))
    first, second = frame[: len(tokens)], frame[len(tokens) :]
    order = np.argsort(second, kind="stable")
    begin = np.searchsorted(second[order], first, side="left")
    count = np.searchsorted(second[order], first, side="right") - begin
    row = np.repeat(np.arange(len(first)), count)
    nth_of_row = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, order[begin[row] + nth_of_row]


def read_boxes(folder: Path, frames: Frames, taxonomy: Taxonomy, *others: str) -> Boxes3D:
    """Read the boxes of the scenes that some keyframes are of.

    Args:
        folder: One table per scene.
        frames: The keyframes.
        taxonomy: Classes and attributes that boxes may have.
        others: Further classes.

    Raises:
        InputError: A file cannot be read, or a box of it cannot be scored.
    """
    read = []
    for scene in sorted(set(frames.scene_name)):
        path = folder / f"{scene}.parquet"
        boxes, names = Boxes3D.read(path), (*taxonomy.class_names, *others)
        remedy = f"rebuild it with {parquet.remedy(path)}"
        check_boxes(boxes, names, taxonomy.attribute_names, str(path), remedy)
        read.append(boxes)
    return Boxes3D.concatenate(read)


def read_truth(frames: Frames, taxonomy: Taxonomy) -> tuple[GroundTruth, Boxes3D]:
    """Ground truth and bicycle racks of the scenes that some keyframes are of.

    Raises:
        InputError: A file cannot be read, or ground truth is of no class: it would count nowhere.
    """
    scenes = sorted(set(frames.scene_name))
    truth = GroundTruth.concatenate(
        read_classed(GroundTruth, layout.GROUND_TRUTH / f"{scene}.parquet", taxonomy)
        for scene in scenes
    )
    return truth, read_scenes(Boxes3D, layout.BICYCLE_RACKS, scenes)


def read_parts(
    folder: Path, frames: Frames, taxonomy: Taxonomy, *others: str
) -> Iterator[tuple[Boxes3D, GroundTruth, Frames, Boxes3D]]:
    """Boxes, ground truth, keyframes and bicycle racks of one scene after the other.

    Arguments and errors are those of `read_boxes` and `read_truth`.
    """
    for scene in dict.fromkeys(frames.scene_name):
        own = frames[frames.scene_name == scene]
        truth, racks = read_truth(own, taxonomy)
        yield read_boxes(folder, own, taxonomy, *others), truth, own, racks


def check_boxes(
    boxes: Boxes3D,
    class_names: Sequence[str],
    attribute_names: Sequence[str],
    source: str = "predictions",
    remedy: str = "write it anew",
) -> None:
    """Check that every box has a known class and attribute, finite numbers and a volume.

    Args:
        boxes: The boxes.
        class_names: Classes that they may have.
        attribute_names: Attributes that they may have, beside none.
        source: Where they come from.
        remedy: What to do if one is broken; ends the message.

    Raises:
        InputError: A box does not; the first one is named with its frame.
    """
    class_index = positions(boxes.class_name, class_names)
    attribute_index = positions(boxes.attribute_name, (*attribute_names, ""))
    faults = {
        f"the class is none of {_listed(class_names)}": class_index < 0,
        "the attribute is unknown": attribute_index < 0,
        "the score is not finite": ~np.isfinite(boxes.score),
        "the score is negative": boxes.score < 0,
        "the pose is not finite": ~np.isfinite(
            np.column_stack([boxes.center_m, boxes.yaw_rad])
        ).all(axis=1),
        "length, width and height are not all positive": ~_has_volume(boxes),
    }
    for fault, rows in faults.items():
        if rows.any():
            row = int(np.argmax(rows))
            frame = boxes.sample_token[row]
            raise InputError(f"{source}: box {row}, of frame {frame}: {fault}; {remedy}")


def _listed(class_names: Sequence[str]) -> str:
    more = ", ..." if len(class_names) > _SHOWN_NAMES else ""
    return ", ".join(class_names[:_SHOWN_NAMES]) + more


def _has_volume(boxes: Boxes3D) -> NDArrayBool:
    size_m = np.column_stack([boxes.length_m, boxes.width_m, boxes.height_m])
    return np.asarray((np.isfinite(size_m) & (size_m > 0)).all(axis=1))
