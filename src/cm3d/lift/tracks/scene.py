"""One scene: boxes of single keyframes in, boxes of objects out."""

from dataclasses import dataclass

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayInt
from cm3d.geometry.rows import Rows
from cm3d.lift.fit.evidence import Evidence
from cm3d.lift.tracks.agreement import Agreement
from cm3d.lift.tracks.association import associate, link
from cm3d.lift.tracks.cells import Cells, agreed_boxes
from cm3d.lift.tracks.detections import Detections, motion_of_classes
from cm3d.lift.tracks.grid import Grid, fillable
from cm3d.lift.tracks.motion import TrackMotion
from cm3d.params import Tracks
from cm3d.tables import Boxes3D, Frames
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class TrackedBoxes(Rows):
    """Boxes that know their object, by keyframe.

    Args:
        boxes: M boxes.
        track: (M,) number of the object of each, from 0 within the scene.
    """

    boxes: Boxes3D
    track: NDArrayInt


def follow_objects(
    boxes: Boxes3D, frames: Frames, evidence: Evidence, taxonomy: Taxonomy, params: Tracks
) -> TrackedBoxes:
    """Follow the objects of a scene and let their boxes agree with each other.

    The result does not depend on the order of rows. Objects that are seen only once keep all
    but their score and attribute.

    Args:
        boxes: N boxes of the scene, global frame.
        frames: Its keyframes.
        evidence: How well each box is known.
        taxonomy: The class list.
        params: Section `lift.tracks`.

    Raises:
        InputError: A box has an unknown class, or is of a keyframe that `frames` lacks; a group of
            motion is missing.
    """
    of_classes, classes = motion_of_classes(taxonomy, params), taxonomy.indices(boxes.class_name)
    frames = frames.sorted()
    frame = _keyframes(boxes, frames)
    # An order that depends on boxes alone.
    keys = (evidence.position_std_m, boxes.yaw_rad, boxes.score, *boxes.center_m.T, classes, frame)
    order = np.lexsort(keys)
    boxes, classes = boxes[order], classes[order]
    frame, evidence = frame[order], evidence[order]
    time_s = (frames.timestamp_us - frames.timestamp_us[:1]) * 1e-6

    std_m = evidence.position_std_m
    detections = Detections.from_boxes(boxes, classes, frame, std_m, of_classes)
    track = associate(detections, time_s, params)
    track = link(track, detections, time_s, params)
    grid = Grid.from_tracks(track, frame, time_s)
    motion = TrackMotion.of(detections, grid, params)
    agreed = Agreement.of(boxes, classes, evidence, motion, grid, taxonomy, params)
    cells = _cells(grid, motion, frames, params)
    row = grid.row[cells.track, cells.frame]
    found = boxes[row].replace(sample_token=frames.sample_token[cells.frame])
    found = agreed_boxes(found, classes[row], cells, agreed, taxonomy, params)
    return TrackedBoxes(found, cells.track)


def _keyframes(boxes: Boxes3D, frames: Frames) -> NDArrayInt:
    """The keyframe (N,) of each box."""
    index = {token: position for position, token in enumerate(frames.sample_token)}
    if unknown := sorted(set(boxes.sample_token) - index.keys()):
        raise InputError(f"keyframe {unknown[0]} of a box is not in the index; rerun `download`")
    return np.array([index[token] for token in boxes.sample_token], dtype=np.int64)


def _cells(grid: Grid, motion: TrackMotion, frames: Frames, params: Tracks) -> Cells:
    """All boxes and, if wanted, the gaps to fill, by keyframe."""
    wanted = grid.observed
    if params.fill_gaps:
        ego_xy_m = frames.global_SE3_ego[:, 4:6]
        wanted = wanted | fillable(
            grid, motion.xy_m, ego_xy_m, params.fill_keyframes, params.fill_range_m
        )
    frame, track = np.nonzero(wanted.T)
    return Cells(track, frame, grid.observed[track, frame], motion.known[track])
