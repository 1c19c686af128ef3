"""One keyframe: lifted boxes and proposals in, pseudo-labels out."""

from typing import Literal

from cm3d.fuse.calibration import calibrate
from cm3d.fuse.headings import turn_to_reference
from cm3d.fuse.matching import greedy_match
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.boxes import bev_corners
from cm3d.geometry.iou import bev_iou
from cm3d.tables import Boxes3D


def fuse_frame(
    lifted: Boxes3D,
    proposals: Boxes3D,
    min_iou: float,
    temperature: float,
    center: Literal["lifted", "surer"],
) -> Boxes3D:
    """Correct lifted boxes by the proposals that they overlap.

    Of a matched pair, size and orientation come from the more confident detection after
    calibration; class, velocity and attribute stay the lifted box's. The paper leaves the score
    open: here it is that of the more confident one. Unmatched lifted boxes stay as they are,
    unmatched proposals are discarded.

    Args:
        lifted: Boxes of one keyframe, from `lift`.
        proposals: Boxes of the same keyframe, from `sam3d`.
        min_iou: Bird's-eye overlap that a pair needs.
        temperature: See `calibrate`.
        center: Whose centre a matched pair has: the lifted box's (the paper's text) or that of
            the more confident one (as released).

    Returns:
        As many rows as `lifted`, in its order.
    """
    iou = bev_iou(_footprints(lifted), _footprints(proposals))
    rows, columns = greedy_match(iou, min_iou)
    confidence = calibrate(proposals.score[columns], temperature)
    surer = confidence > lifted.score[rows]
    rows, winners = rows[surer], proposals[columns[surer]]
    fused = _with_shape(lifted, rows, winners.replace(score=confidence[surer]))
    if center == "lifted":
        return fused
    return fused.replace(center_m=_put(lifted.center_m, rows, winners.center_m))


def _footprints(boxes: Boxes3D) -> NDArrayFloat:
    return bev_corners(boxes.center_m, boxes.length_m, boxes.width_m, boxes.yaw_rad)


def _with_shape(lifted: Boxes3D, rows: NDArrayInt, winners: Boxes3D) -> Boxes3D:
    """Give some rows the size, orientation and score of the proposals that won.

    A proposal knows no front: it keeps that of the lifted box.
    """
    length_m, width_m, yaw_rad = turn_to_reference(winners, lifted[rows])
    return lifted.replace(
        length_m=_put(lifted.length_m, rows, length_m),
        width_m=_put(lifted.width_m, rows, width_m),
        height_m=_put(lifted.height_m, rows, winners.height_m),
        yaw_rad=_put(lifted.yaw_rad, rows, yaw_rad),
        score=_put(lifted.score, rows, winners.score),
    )


def _put(column: NDArrayFloat, rows: NDArrayInt, values: NDArrayFloat) -> NDArrayFloat:
    changed = column.copy()
    changed[rows] = values
    return changed
