"""One scene: boxes of single keyframes in, boxes of objects out."""

from typing import NamedTuple

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.evidence import Evidence
from cm3d.lift.tracks.agreement import Agreement
from cm3d.lift.tracks.association import associate
from cm3d.lift.tracks.cells import Cells, refined
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.gaps import fillable
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.linking import link
from cm3d.lift.tracks.motion import TrackMotion
from cm3d.params import Tracks
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.vocabulary import class_indices


class TrackedBoxes(NamedTuple):
    """Boxes that know their object, by keyframe.

    Args:
        boxes: M boxes.
        track: (M,) number of the object of each, from 0 within the scene.
    """

    boxes: Boxes3D
    track: NDArrayInt


def refine_by_tracks(
    boxes: Boxes3D, frames: Frames, evidence: Evidence, params: Tracks
) -> TrackedBoxes:
    """Follow the objects of a scene and let their boxes agree with each other.

    The result does not depend on the order of rows. Objects that are seen only once keep all
    but their score and attribute.

    Args:
        boxes: N boxes of the scene, global frame.
        frames: Its keyframes.
        evidence: How well each box is known.
        params: Section `lift.tracks`.

    Raises:
        InputError: A box has an unknown class, or is of a keyframe that `frames` lacks.
    """
    frames = frames.sorted()
    frame, order = _in_order(boxes, frames, evidence.position_std_m)
    boxes, frame, evidence = boxes[order], frame[order], evidence.rows(order)
    time_s = (frames.timestamp_us - frames.timestamp_us[:1]) * 1e-6

    detections = Detections.from_boxes(boxes, frame, evidence.position_std_m, params)
    track = associate(detections, time_s, params)
    track = link(track, detections, time_s, params)
    grid = Grid.from_tracks(track, frame, time_s)
    motion = TrackMotion.of(detections, grid, params)
    agreed = Agreement.of(boxes, evidence, motion, grid, params)
    cells = _cells(grid, motion, frames, params)
    found = boxes[grid.row[cells.track, cells.frame]]
    found = found.replace(sample_token=frames.sample_token[cells.frame])
    return TrackedBoxes(refined(found, cells, agreed, params), cells.track)


def _in_order(boxes: Boxes3D, frames: Frames, std_m: NDArrayFloat) -> tuple[NDArrayInt, NDArrayInt]:
    """The keyframe (N,) of each box, and an order (N,) of rows that depends on boxes alone."""
    index = {token: position for position, token in enumerate(frames.sample_token)}
    if unknown := sorted(set(boxes.sample_token) - index.keys()):
        raise InputError(f"keyframe {unknown[0]} of a box is not in the index; rerun `download`")
    frame = np.array([index[token] for token in boxes.sample_token], dtype=np.int64)
    keys = (std_m, boxes.yaw_rad, boxes.score, *boxes.center_m.T, class_indices(boxes.class_name))
    return frame, np.lexsort((*keys, frame))


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
