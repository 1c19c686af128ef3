"""One scene: boxes of single keyframes in, boxes of objects out."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.angles import turned_towards
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import Cuboids, points_in_boxes
from cm3d.lift.objects import words
from cm3d.lift.sightings import Sightings
from cm3d.lift.tracks.agreement import Agreement
from cm3d.lift.tracks.association import associate, link
from cm3d.lift.tracks.cells import Cells, agreed_boxes, motion_attributes
from cm3d.lift.tracks.detections import Detections, motion_of_classes
from cm3d.lift.tracks.followed import OWN, Followed, Membership, Origins, TrackScores
from cm3d.lift.tracks.fronts import ego_traffic, with_fronts
from cm3d.lift.tracks.grid import Grid, fillable
from cm3d.lift.tracks.motion import TrackMotion
from cm3d.lift.tracks.votes import Votes, representatives
from cm3d.params import Tracks
from cm3d.tables import Boxes3D, Frames
from cm3d.taxonomy import Taxonomy


def follow_objects(
    sightings: Sightings,
    frames: Frames,
    standing_m: Mapping[str, NDArrayFloat],
    taxonomy: Taxonomy,
    params: Tracks,
) -> Followed:
    """Follow the objects of a scene and let their boxes agree with each other.

    The result does not depend on the order of rows. An object that several boxes of a keyframe show
    is followed as one. Its class is the one that most votes are for; boxes of its other classes
    stay beside, with their share of the votes. Whatever changes in a box, the result says so.

    Args:
        sightings: N boxes of the scene.
        frames: Its keyframes.
        standing_m: Points (P, 3) above the ground by keyframe, global frame.
        taxonomy: The class list.
        params: Section `lift.tracks`.

    Raises:
        InputError: A box has an unknown class, or is of a keyframe that `frames` lacks; a group of
            motion is missing.
    """
    frames = frames.sorted()
    order = _own_order(sightings, _keyframes(sightings.boxes, frames), taxonomy)
    sightings = sightings.reordered(order)
    boxes, evidence = sightings.boxes, sightings.evidence
    frame, classes = _keyframes(boxes, frames), taxonomy.indices(boxes.class_name)
    time_s = (frames.timestamp_us - frames.timestamp_us[:1]) * 1e-6
    detections = Detections.from_boxes(
        boxes, classes, frame, evidence.position_std_m, motion_of_classes(taxonomy, params)
    )
    track = _tracks(detections, sightings.same_as, time_s, params)

    votes = Votes.of(track, classes, boxes.score, len(taxonomy.classes))
    chosen = representatives(track, frame, boxes.score, classes == votes.elected[track])
    grid = Grid.from_tracks(track[chosen], frame[chosen], time_s)
    motion = TrackMotion.of(detections[chosen], grid, params)
    agreed = Agreement.of(
        boxes[chosen], classes[chosen], votes, evidence[chosen], motion, grid, taxonomy, params
    )
    if params.fronts:
        fronts = evidence.front_weight[chosen]
        ego = ego_traffic(frames)
        agreed = with_fronts(agreed, boxes.yaw_rad[chosen], fronts, grid, ego, taxonomy)

    others = np.setdiff1d(np.arange(len(boxes)), chosen) if params.other_classes else np.arange(0)
    members = _membership(track, grid, votes, taxonomy)
    beside, origins, scores = _of_other_classes(
        boxes[others],
        classes[others],
        track[others],
        frame[others],
        agreed,
        votes,
        taxonomy,
        params,
    )
    seen, standing = np.ones(len(others), dtype=bool), np.zeros(len(others), dtype=np.int64)
    rest = Followed(beside, order[others], seen, standing, members[others], origins, scores)
    cells = _cells(grid, motion, frames, agreed, standing_m, params)
    row = chosen[grid.row[cells.track, cells.frame]]
    found = boxes[row].replace(sample_token=frames.sample_token[cells.frame])
    told, origins, scores = agreed_boxes(found, classes[row], cells, agreed, taxonomy, params)
    of_tracks = Followed(
        told, order[row], cells.seen, cells.standing, members[row], origins, scores
    )
    return Followed.concatenate([of_tracks, rest])


def _own_order(sightings: Sightings, frame: NDArrayInt, taxonomy: Taxonomy) -> NDArrayInt:
    """An order (N,) that depends on the boxes alone."""
    boxes, std_m = sightings.boxes, sightings.evidence.position_std_m
    classes = taxonomy.indices(boxes.class_name)
    keys = (std_m, boxes.yaw_rad, boxes.score, *boxes.center_m.T, classes, frame)
    return np.asarray(np.lexsort(keys))


def _tracks(
    detections: Detections, same_as: NDArrayInt, time_s: NDArrayFloat, params: Tracks
) -> NDArrayInt:
    """The track (N,) of each box, that of the box which stands for its object."""
    heads = np.unique(same_as)
    track = associate(detections[heads], time_s, params)
    track = link(track, detections[heads], time_s, params)
    return np.asarray(track[np.searchsorted(heads, same_as)])


def _membership(track: NDArrayInt, grid: Grid, votes: Votes, taxonomy: Taxonomy) -> Membership:
    """Of boxes (N,) their tracks, and how these voted."""
    voted_share, second_share = votes.shares(votes.elected), votes.shares(votes.second)
    second = np.where(second_share > 0, taxonomy.name_array[votes.second], "")
    return Membership(
        track=track,
        track_boxes=grid.length[track],
        voted_class=taxonomy.name_array[votes.elected[track]],
        voted_share=voted_share[track],
        second_class=second[track],
        second_share=second_share[track],
    )


def _of_other_classes(
    boxes: Boxes3D,
    classes: NDArrayInt,
    track: NDArrayInt,
    frame: NDArrayInt,
    agreed: Agreement,
    votes: Votes,
    taxonomy: Taxonomy,
    params: Tracks,
) -> tuple[Boxes3D, Origins, TrackScores]:
    """Boxes (M,) of classes that their tracks are less likely of: scored so, moving as these do."""
    motion, count = agreed.motion, len(boxes)
    own, ones = words(OWN, count), np.ones(count)
    origins, factors = Origins(own, own, own, own), TrackScores(np.full(count, np.nan), ones, ones)
    if params.scores:
        score, share = agreed.score[track], votes.share[track, classes]
        boxes = boxes.replace(score=score * share)
        factors = TrackScores(score, share, ones)
    if params.heading:
        yaw_rad = turned_towards(boxes.yaw_rad, agreed.yaw_rad[track, frame])
        boxes = boxes.replace(yaw_rad=yaw_rad)
        origins = replace(origins, front_from=words("track", count))
    if params.velocity:
        boxes = boxes.replace(velocity_mps=motion.velocity_mps[track, frame])
    if params.attributes:
        known, travelled = motion.known[track], motion.travelled[track]
        moving = motion.moving[track, frame]
        names = motion_attributes(classes, known, travelled, moving, taxonomy)
        boxes = boxes.replace(attribute_name=names)
    return boxes, origins, factors


def _keyframes(boxes: Boxes3D, frames: Frames) -> NDArrayInt:
    """The keyframe (N,) of each box."""
    index = {token: position for position, token in enumerate(frames.sample_token)}
    if unknown := sorted(set(boxes.sample_token) - index.keys()):
        raise InputError(f"keyframe {unknown[0]} of a box is not in the index; rerun `download`")
    return np.array([index[token] for token in boxes.sample_token], dtype=np.int64)


def _cells(
    grid: Grid,
    motion: TrackMotion,
    frames: Frames,
    agreed: Agreement,
    standing_m: Mapping[str, NDArrayFloat],
    params: Tracks,
) -> Cells:
    """All boxes and, if wanted, the gaps to fill, by keyframe."""
    wanted = grid.observed
    standing = np.zeros(wanted.shape, dtype=np.int64)
    if params.fill_gaps:
        ego_xy_m = frames.global_SE3_ego[:, 4:6]
        gaps = fillable(grid, motion.xy_m, ego_xy_m, params.fill_keyframes, params.fill_range_m)
        for step in np.flatnonzero(gaps.any(axis=0)):
            tracks = np.flatnonzero(gaps[:, step])
            length_m, width_m, height_m = agreed.size_m[tracks].T
            center_m, yaw_rad = agreed.center_m[tracks, step], agreed.yaw_rad[tracks, step]
            boxes = Cuboids(center_m, length_m, width_m, height_m, yaw_rad)
            points_m = standing_m[frames.sample_token[step]]
            standing[tracks, step] = points_in_boxes(points_m, boxes).sum(axis=1)
        wanted = wanted | (gaps & (standing >= params.fill_points))
    frame, track = np.nonzero(wanted.T)
    cell = (track, frame)
    return Cells(track, frame, grid.observed[cell], motion.known[track], standing[cell])
