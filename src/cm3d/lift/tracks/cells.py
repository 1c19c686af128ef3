"""From tracks back to boxes, each effect of tracking where it is wanted."""

from typing import NamedTuple

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayInt
from cm3d.lift.tracks.agreement import Agreement, sizes_of
from cm3d.lift.tracks.attributes import motion_attributes
from cm3d.params import Tracks
from cm3d.tables import Boxes3D
from cm3d.tables.vocabulary import CLASS_NAMES, class_indices


class Cells(NamedTuple):
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


def refined(boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks) -> Boxes3D:
    """Boxes (M,) of the cells as their tracks have them, and otherwise as they were.

    Args:
        boxes: (M,) of the cells; a gap's is another of the same track.
        cells: (M,).
        agreed: Of all tracks.
        params: Section `lift.tracks`.
    """
    boxes = _with_class_and_size(boxes, cells, agreed, params)
    boxes = _with_place(boxes, cells, agreed, params)
    boxes = _with_score(boxes, cells, agreed, params)
    return _with_motion(boxes, cells, agreed, params)


def _with_class_and_size(
    boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks
) -> Boxes3D:
    """A box that changes its class takes the size of the track's boxes of that class."""
    own = class_indices(boxes.class_name)
    classes = agreed.classes[cells.track] if params.class_vote else own
    resized = (classes != own) | (params.sizes & (agreed.classes[cells.track] == classes))
    size_m = np.where(resized[:, None], agreed.size_m[cells.track], sizes_of(boxes))
    return boxes.replace(
        class_name=np.array(CLASS_NAMES, dtype=object)[classes],
        length_m=size_m[:, 0],
        width_m=size_m[:, 1],
        height_m=size_m[:, 2],
    )


def _with_place(boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks) -> Boxes3D:
    """Centre and heading."""
    cell = (cells.track, cells.frame)
    moved = cells.followed & (params.positions | ~cells.seen)
    turned = cells.followed & params.heading
    return boxes.replace(
        center_m=np.where(moved[:, None], agreed.center_m[cell], boxes.center_m),
        yaw_rad=np.where(turned, agreed.yaw_rad[cell], boxes.yaw_rad),
    )


def _with_score(boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks) -> Boxes3D:
    """The track's score; less in a gap, where nothing was seen."""
    of_track = agreed.score[cells.track]
    own = of_track if params.scores else boxes.score
    return boxes.replace(score=np.where(cells.seen, own, params.fill_score * of_track))


def _with_motion(boxes: Boxes3D, cells: Cells, agreed: Agreement, params: Tracks) -> Boxes3D:
    """Velocity and attribute."""
    motion, cell = agreed.motion, (cells.track, cells.frame)
    if params.velocity:
        known = motion.velocity_mps[cell]
        velocity_mps = np.where(cells.followed[:, None], known, boxes.velocity_mps)
        boxes = boxes.replace(velocity_mps=velocity_mps)
    if params.attributes:
        travelled, moving = motion.travelled[cells.track], motion.moving[cell]
        classes = class_indices(boxes.class_name)
        attributes = motion_attributes(classes, cells.followed, travelled, moving)
        boxes = boxes.replace(attribute_name=attributes)
    return boxes
