"""One keyframe: lifted boxes and proposals in, pseudo-labels out."""

import numpy as np

from cm3d.fuse.calibration import calibrate
from cm3d.fuse.headings import turn_to_reference
from cm3d.fuse.matching import greedy_match
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.boxes import bev_corners
from cm3d.geometry.iou import bev_iou
from cm3d.params import Fuse
from cm3d.tables import Boxes3D
from cm3d.tables.vocabulary import VEHICLE_CLASSES


def fuse_frame(lifted: Boxes3D, proposals: Boxes3D, params: Fuse) -> Boxes3D:
    """Correct the size and orientation of lifted boxes by the proposals that they overlap.

    Of a matched pair, size and orientation come from the more confident detection after
    calibration; class, centre, velocity and attribute stay the lifted box's. The paper leaves
    the score open: here it is that of the more confident one. Unmatched lifted boxes stay as
    they are, unmatched proposals are discarded.

    Args:
        lifted: Boxes of one keyframe, from `lift`.
        proposals: Boxes of the same keyframe, from `sam3d`.
        params: Section `fuse`.

    Returns:
        As many rows as `lifted`, in its order.
    """
    iou = bev_iou(_footprints(lifted), _footprints(proposals))
    rows, columns = greedy_match(iou, params.min_iou)
    confidence = calibrate(proposals.score[columns], params.temperature)
    surer = confidence > lifted.score[rows]
    return _with_shape(lifted, rows[surer], proposals[columns[surer]], confidence[surer])


def _footprints(boxes: Boxes3D) -> NDArrayFloat:
    return bev_corners(boxes.center_m, boxes.length_m, boxes.width_m, boxes.yaw_rad)


def _with_shape(
    lifted: Boxes3D, rows: NDArrayInt, winners: Boxes3D, confidence: NDArrayFloat
) -> Boxes3D:
    """Give some rows the size, orientation and confidence of the proposals that won.

    A proposal knows no front. Vehicles keep the one that the lane gave them.
    """
    vehicle = np.isin(lifted.class_name[rows].astype(str), VEHICLE_CLASSES)
    reference_yaw_rad = np.where(vehicle, lifted.yaw_rad[rows], winners.yaw_rad)
    length_m, width_m, yaw_rad = turn_to_reference(
        winners.length_m, winners.width_m, winners.yaw_rad, reference_yaw_rad
    )
    return lifted.replace(
        length_m=_put(lifted.length_m, rows, length_m),
        width_m=_put(lifted.width_m, rows, width_m),
        height_m=_put(lifted.height_m, rows, winners.height_m),
        yaw_rad=_put(lifted.yaw_rad, rows, yaw_rad),
        score=_put(lifted.score, rows, confidence),
    )


def _put(column: NDArrayFloat, rows: NDArrayInt, values: NDArrayFloat) -> NDArrayFloat:
    changed = column.copy()
    changed[rows] = values
    return changed
