"""From tracks back to boxes, each effect of tracking where it is wanted."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt, NDArrayObject
from cm3d.geometry.rows import Rows
from cm3d.lift.explained import ExplainedBoxes
from cm3d.lift.tracks.agreement import Agreement
from cm3d.lift.tracks.heading import OWN
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
    found: ExplainedBoxes,
    classes: NDArrayInt,
    cells: Cells,
    agreed: Agreement,
    taxonomy: Taxonomy,
    params: Tracks,
) -> ExplainedBoxes:
    """Boxes (M,) of the cells as their tracks have them, and otherwise as they were.

    Args:
        found: (M,) of the cells; a gap's is another of the same track.
        classes: (M,) class indices of these boxes.
        cells: (M,).
        agreed: Of all tracks.
        taxonomy: The class list.
        params: Section `lift.tracks`.
    """
    of_track = agreed.classes[cells.track]
    chosen = of_track if params.class_vote else classes
    # What changes its class takes the size of the track's boxes of that class.
    resized = (chosen != classes) | (params.sizes & (of_track == chosen))
    boxes, why = found.boxes, found.why
    size_m = np.where(resized[:, None], agreed.size_m[cells.track], boxes.cuboids.size_m)
    boxes = boxes.replace(
        class_name=taxonomy.name_array[chosen],
        length_m=size_m[:, 0],
        width_m=size_m[:, 1],
        height_m=size_m[:, 2],
    )
    # The mean of one box is that box.
    why = why.replace(size_from=np.where(resized & cells.followed, "track", why.size_from))
    found = _as_seen(ExplainedBoxes(boxes, why), cells)
    found = _with_place(found, cells, agreed, params)
    found = _with_score(found, cells, agreed, params)
    return replace(found, boxes=_with_motion(found.boxes, cells, agreed, chosen, taxonomy, params))


def _as_seen(found: ExplainedBoxes, cells: Cells) -> ExplainedBoxes:
    """A filled gap knows nothing of the box whose copy it is."""
    why, seen = found.why, cells.seen
    return found.told(
        seen=seen,
        points=np.where(seen, why.points, cells.standing),
        fit_cost=np.where(seen, why.fit_cost, np.nan),
        mask_class=np.where(seen, why.mask_class, ""),
        mask_score=np.where(seen, why.mask_score, np.nan),
        fit_quality=np.where(seen, why.fit_quality, np.nan),
        free_standing=np.where(seen, why.free_standing, np.nan),
    )


def _with_place(
    found: ExplainedBoxes, cells: Cells, agreed: Agreement, params: Tracks
) -> ExplainedBoxes:
    """Centre and heading."""
    cell, boxes, why = (cells.track, cells.frame), found.boxes, found.why
    moved = cells.followed & (params.positions | ~cells.seen)
    center_by = np.where(cells.seen, "smoothed", "interpolated")
    center_by = np.where(agreed.motion.travelled[cells.track], center_by, "pooled")
    boxes = boxes.replace(center_m=np.where(moved[:, None], agreed.center_m[cell], boxes.center_m))
    why = why.replace(center_from=np.where(moved, center_by, why.center_from))
    if params.heading:
        told_by, front_by = agreed.headings.told_by[cell], agreed.headings.front_by[cells.track]
        boxes = boxes.replace(yaw_rad=agreed.yaw_rad[cell])
        why = why.replace(
            heading_from=np.where(told_by == OWN, why.heading_from, told_by),
            front_from=np.where(front_by == OWN, why.front_from, front_by),
        )
    return ExplainedBoxes(boxes, why)


def _with_score(
    found: ExplainedBoxes, cells: Cells, agreed: Agreement, params: Tracks
) -> ExplainedBoxes:
    """The track's score; less in a gap, where nothing was seen."""
    of_track, certainty = agreed.score[cells.track], agreed.certainty[cells.track]
    shared = ~cells.seen | params.scores
    gap = np.where(cells.seen, 1.0, params.fill_score)
    score = np.where(shared, gap * (of_track * certainty), found.boxes.score)
    return replace(found, boxes=found.boxes.replace(score=score)).told(
        track_score=np.where(shared, of_track, np.nan),
        class_factor=np.where(shared, certainty, 1.0),
        gap_factor=gap,
    )


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
