"""From tracks back to boxes, each effect of tracking where it is wanted."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt, NDArrayObject
from cm3d.geometry.rows import Rows
from cm3d.lift.tracks.agreement import Agreement
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
    """

    track: NDArrayInt
    frame: NDArrayInt
    seen: NDArrayBool
    followed: NDArrayBool


def agreed_boxes(
    boxes: Boxes3D,
    classes: NDArrayInt,
    cells: Cells,
    agreed: Agreement,
    taxonomy: Taxonomy,
    params: Tracks,
) -> Boxes3D:
    """Boxes (M,) of the cells as their tracks have them, and otherwise as they were.

    Args:
        boxes: (M,) of the cells; a gap's is another of the same track.
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
    size_m = np.where(resized[:, None], agreed.size_m[cells.track], boxes.cuboids.size_m)
    boxes = boxes.replace(
        class_name=taxonomy.name_array[chosen],
        length_m=size_m[:, 0],
        width_m=size_m[:, 1],
        height_m=size_m[:, 2],
    )
    boxes = _with_place(boxes, cells, agreed, params)
    boxes = _with_score(boxes, cells, agreed, params)
    return _with_motion(boxes, cells, agreed, chosen, taxonomy, params)


def _with_place(boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks) -> Boxes3D:
    """Centre and heading."""
    cell = (cells.track, cells.frame)
    moved = cells.followed & (params.positions | ~cells.seen)
    return boxes.replace(
        center_m=np.where(moved[:, None], agreed.center_m[cell], boxes.center_m),
        yaw_rad=agreed.yaw_rad[cell] if params.heading else boxes.yaw_rad,
    )


def _with_score(boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks) -> Boxes3D:
    """The track's score; less in a gap, where nothing was seen."""
    of_track = agreed.score[cells.track]
    own = of_track if params.scores else boxes.score
    return boxes.replace(score=np.where(cells.seen, own, params.fill_score * of_track))


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
