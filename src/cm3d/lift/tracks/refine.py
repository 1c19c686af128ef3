"""One scene: boxes of single keyframes in, boxes of objects out."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt
from cm3d.lift.tracks.association import associate
from cm3d.lift.tracks.attributes import motion_attributes
from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.gaps import fillable
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.groups import is_vehicle
from cm3d.lift.tracks.heading import track_headings
from cm3d.lift.tracks.linking import link
from cm3d.lift.tracks.motion import TrackMotion, heights
from cm3d.lift.tracks.scores import track_scores
from cm3d.lift.tracks.votes import agreed_sizes, voted_classes
from cm3d.params import Tracks
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.vocabulary import CLASS_NAMES, class_indices


class TrackedBoxes(NamedTuple):
    """Boxes that know their object.

    Args:
        boxes: N boxes.
        track: (N,) number of the object of each, from 0 within the scene.
    """

    boxes: Boxes3D
    track: NDArrayInt


def refine_by_tracks(
    boxes: Boxes3D,
    frames: Frames,
    position_std_m: NDArrayFloat,
    size_weight: NDArrayFloat,
    yaw_weight: NDArrayFloat,
    params: Tracks,
) -> TrackedBoxes:
    """Follow the objects of a scene and let their boxes agree with each other.

    The result does not depend on the order of rows. Objects that are seen only once keep all
    but their score and attribute.

    Args:
        boxes: N boxes of the scene, global frame.
        frames: Its keyframes.
        position_std_m: (N,) how well each centre is known.
        size_weight: (N,) in [0, 1], how much of each object's size was seen.
        yaw_weight: (N,) in [0, 1], how well each heading is known.
        params: Section `lift.tracks`.
    """
    frames = frames.sorted()
    frame, order = _in_order(boxes, frames, position_std_m)
    boxes, frame, std_m = boxes[order], frame[order], position_std_m[order]
    if len(boxes) == 0:
        return TrackedBoxes(boxes, frame)
    time_s = (frames.timestamp_us - frames.timestamp_us[0]) * 1e-6
    detections = Detections.from_boxes(boxes, frame, std_m, params)
    track = link(associate(detections, time_s, params), detections, time_s, params)
    grid = Grid.from_tracks(track, frame, time_s)
    motion = TrackMotion.of(detections, grid, params)
    agreed = _agree(boxes, std_m, size_weight[order], yaw_weight[order], grid, motion, params)
    filled = np.zeros_like(grid.observed)
    if params.fill_gaps:
        ego_xy_m = frames.global_SE3_ego[:, 4:6]
        filled = fillable(grid, motion.xy_m, ego_xy_m, params.fill_keyframes, params.fill_range_m)
    return _read_off(boxes, frames, agreed, grid, filled, params)


def _in_order(boxes: Boxes3D, frames: Frames, std_m: NDArrayFloat) -> tuple[NDArrayInt, NDArrayInt]:
    """The keyframe (N,) of each box, and an order (N,) of rows that depends on boxes alone."""
    index = {token: position for position, token in enumerate(frames.sample_token)}
    frame = np.array([index[token] for token in boxes.sample_token], dtype=np.int64)
    keys = (std_m, boxes.yaw_rad, boxes.score, *boxes.center_m.T, class_indices(boxes.class_name))
    return frame, np.lexsort((*keys, frame))


class _Agreed(NamedTuple):
    """What tracks say of each of their cells, (K, T) or (K, T, D)."""

    classes: NDArrayInt
    size_m: NDArrayFloat
    center_m: NDArrayFloat
    yaw_rad: NDArrayFloat
    velocity_mps: NDArrayFloat
    score: NDArrayFloat
    motion: TrackMotion


def _agree(
    boxes: Boxes3D,
    std_m: NDArrayFloat,
    size_weight: NDArrayFloat,
    yaw_weight: NDArrayFloat,
    grid: Grid,
    motion: TrackMotion,
    params: Tracks,
) -> _Agreed:
    """All that the boxes of each track agree on."""
    own = class_indices(boxes.class_name)
    classes = voted_classes(own, boxes.score, grid)
    size_m = np.stack([boxes.length_m, boxes.width_m, boxes.height_m], axis=-1)
    z_m = heights(boxes.center_m[:, 2], std_m, grid, motion)
    cells = grid.observed.shape
    return _Agreed(
        classes=np.broadcast_to(classes[:, None], cells),
        size_m=np.broadcast_to(
            agreed_sizes(size_m, size_weight, own, classes, grid)[:, None], (*cells, 3)
        ),
        center_m=np.concatenate([motion.xy_m, z_m[..., None]], axis=-1),
        yaw_rad=track_headings(
            boxes.yaw_rad, yaw_weight, is_vehicle(classes), grid, motion, params.max_axis_error_rad
        ),
        velocity_mps=motion.velocity_mps,
        score=np.broadcast_to(
            track_scores(boxes.score, grid, params.score_prior_boxes)[:, None], cells
        ),
        motion=motion,
    )


def _read_off(
    boxes: Boxes3D,
    frames: Frames,
    agreed: _Agreed,
    grid: Grid,
    filled: NDArrayBool,
    params: Tracks,
) -> TrackedBoxes:
    """The boxes of all cells that are observed or filled, by keyframe, each effect if wanted."""
    frame, track = np.nonzero((grid.observed | filled).T)
    cell = (track, frame)
    boxes, seen = boxes[grid.row[cell]], grid.observed[cell]
    several = grid.length[track] > 1
    motion = agreed.motion

    classes = class_indices(boxes.class_name)
    if params.class_vote:
        classes = agreed.classes[cell]
    resized = (classes != class_indices(boxes.class_name)) | params.sizes
    size_m = np.stack([boxes.length_m, boxes.width_m, boxes.height_m], axis=-1)
    size_m = np.where(resized[:, None], agreed.size_m[cell], size_m)
    moved = several & (params.positions | ~seen)
    score = boxes.score
    if params.scores:
        share = params.score_smoothing
        score = share * agreed.score[cell] + (1 - share) * score
    score = np.where(seen, score, agreed.score[cell] * params.fill_score)
    result = boxes.replace(
        sample_token=frames.sample_token[frame],
        class_name=np.array(CLASS_NAMES, dtype=object)[classes],
        score=score,
        center_m=np.where(moved[:, None], agreed.center_m[cell], boxes.center_m),
        length_m=size_m[:, 0],
        width_m=size_m[:, 1],
        height_m=size_m[:, 2],
    )
    if params.heading:
        result = result.replace(yaw_rad=np.where(several, agreed.yaw_rad[cell], boxes.yaw_rad))
    if params.velocity:
        velocity_mps = np.where(several[:, None], agreed.velocity_mps[cell], boxes.velocity_mps)
        result = result.replace(velocity_mps=velocity_mps)
    if params.attributes:
        attributes = motion_attributes(
            classes, several, motion.travelled[track], motion.moving[cell]
        )
        result = result.replace(attribute_name=attributes)
    return TrackedBoxes(result, track)
