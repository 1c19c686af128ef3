"""From tracks back to boxes, each effect of tracking where it is wanted."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt, NDArrayObject
from cm3d.geometry.rows import Rows
from cm3d.lift.objects import words
from cm3d.lift.tracks.agreement import Agreement
from cm3d.lift.tracks.followed import OWN, Origins, TrackScores
from cm3d.params import Tracks
from cm3d.tables import Boxes3D
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class Cells(Rows):
    """Where M boxes stand among tracks and keyframes, each (M,).

    Args:
        track: Row of the agreement.
        frame: Its column.
        seen: Whether there was a box; else a gap is filled.
        followed: Whether the track has more than one box.
        standing: LiDAR points in a filled gap's box.
    """

    track: NDArrayInt
    frame: NDArrayInt
    seen: NDArrayBool
    followed: NDArrayBool
    standing: NDArrayInt


def agreed_boxes(
    found: Boxes3D,
    classes: NDArrayInt,
    cells: Cells,
    agreed: Agreement,
    taxonomy: Taxonomy,
    params: Tracks,
) -> tuple[Boxes3D, Origins, TrackScores]:
    """Boxes (M,) of the cells as their tracks have them, and otherwise as they were.

    Args:
        found: (M,) of the cells; a gap's is another of the same track.
        classes: (M,) class indices of these boxes.
        cells: (M,).
        agreed: Of all tracks.
        taxonomy: The class list.
        params: Section `lift.tracks`.

    Returns:
        The boxes, what gave their parts, and what makes up their scores.
    """
    of_track = agreed.classes[cells.track]
    chosen = of_track if params.class_vote else classes
    # What changes its class takes the size of the track's boxes of that class.
    resized = (chosen != classes) | (params.sizes & (of_track == chosen))
    size_m = np.where(resized[:, None], agreed.size_m[cells.track], found.cuboids.size_m)
    boxes = found.replace(
        class_name=taxonomy.name_array[chosen],
        length_m=size_m[:, 0],
        width_m=size_m[:, 1],
        height_m=size_m[:, 2],
    )
    boxes, center_from = _with_centers(boxes, cells, agreed, params)
    boxes, heading_from, front_from = _with_headings(boxes, cells, agreed, params)
    boxes, scores = _with_scores(boxes, cells, agreed, params)
    # The mean of one box is that box.
    size_from = np.where(resized & cells.followed, "track", OWN).astype(object)
    origins = Origins(center_from, heading_from, front_from, size_from)
    return _with_motion(boxes, cells, agreed, chosen, taxonomy, params), origins, scores


def _with_centers(
    boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks
) -> tuple[Boxes3D, NDArrayObject]:
    """Centres, and what gave them."""
    moved = cells.followed & (params.positions | ~cells.seen)
    center_by = np.where(cells.seen, "smoothed", "interpolated")
    center_by = np.where(agreed.motion.travelled[cells.track], center_by, "pooled")
    center_m = agreed.center_m[cells.track, cells.frame]
    boxes = boxes.replace(center_m=np.where(moved[:, None], center_m, boxes.center_m))
    return boxes, np.where(moved, center_by, OWN).astype(object)


def _with_headings(
    boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks
) -> tuple[Boxes3D, NDArrayObject, NDArrayObject]:
    """Headings, what gave their axes, and what told their fronts."""
    if not params.heading:
        own = words(OWN, len(boxes))
        return boxes, own, own
    cell, headings = (cells.track, cells.frame), agreed.headings
    boxes = boxes.replace(yaw_rad=agreed.yaw_rad[cell])
    return boxes, headings.told_by[cell], headings.front_by[cells.track]


def _with_scores(
    boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks
) -> tuple[Boxes3D, TrackScores]:
    """The track's score; less in a gap, where nothing was seen."""
    of_track, certainty = agreed.score[cells.track], agreed.certainty[cells.track]
    shared = ~cells.seen | params.scores
    gap = np.where(cells.seen, 1.0, params.fill_score)
    score = np.where(shared, gap * (of_track * certainty), boxes.score)
    factors = TrackScores(
        track_score=np.where(shared, of_track, np.nan),
        class_factor=np.where(shared, certainty, 1.0),
        gap_factor=gap,
    )
    return boxes.replace(score=score), factors


def _with_motion(
    boxes: Boxes3D,
    cells: Cells,
    agreed: Agreement,
    classes: NDArrayInt,
    taxonomy: Taxonomy,
    params: Tracks,
) -> Boxes3D:
    """Velocity and attribute."""
    motion, cell = agreed.motion, (cells.track, cells.frame)
    if params.velocity:
        known = motion.velocity_mps[cell]
        velocity_mps = np.where(cells.followed[:, None], known, boxes.velocity_mps)
        boxes = boxes.replace(velocity_mps=velocity_mps)
    if params.attributes:
        travelled, moving = motion.travelled[cells.track], motion.moving[cell]
        names = motion_attributes(classes, cells.followed, travelled, moving, taxonomy)
        boxes = boxes.replace(attribute_name=names)
    return boxes


_CASES: Final = ("unknown", "never_moved", "rests", "moves")


def motion_attributes(
    classes: NDArrayInt,
    known: NDArrayBool,
    travelled: NDArrayBool,
    moving: NDArrayBool,
    taxonomy: Taxonomy,
) -> NDArrayObject:
    """The attribute of each box (N,), empty where the class has none.

    Args:
        classes: (N,) class index.
        known: (N,) whether there is motion to judge by.
        travelled: (N,) whether the object is ever somewhere else.
        moving: (N,) whether it moves now.
        taxonomy: It names the attribute of each case.
    """
    case = np.where(known, 1 + travelled.astype(np.int64) + (travelled & moving), 0)
    table = np.stack([taxonomy.attribute(name) for name in _CASES])
    return np.asarray(table[case, classes], dtype=object)
