"""Late fusion (paper, appendix A): lifted boxes and proposals of one keyframe to pseudo-labels."""

from typing import Literal

import numpy as np

from cm3d.fuse.calibration import calibrate
from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.geometry.cuboids import bev_corners
from cm3d.geometry.overlap import bev_iou
from cm3d.tables import Boxes3D


def fuse_frame(
    lifted: Boxes3D,
    proposals: Boxes3D,
    min_iou: float,
    temperature: float,
    center: Literal["lifted", "surer"],
    score: Literal["lifted", "surer"] = "surer",
    unmatched_class: str | None = None,
) -> Boxes3D:
    """Correct lifted boxes by the proposals that they overlap.

    Of a matched pair, size and orientation come from the more confident detection after
    calibration; class, velocity and attribute stay the lifted box's. The paper leaves the score
    open: here it is that of the more confident one. Unmatched lifted boxes stay as they are,
    unmatched proposals are discarded, or kept as a class.

    Args:
        lifted: Boxes of one keyframe that know their classes, from `lift` or from elsewhere.
        proposals: Boxes of the same keyframe, from `sam3d`.
        min_iou: Bird's-eye overlap that a pair needs.
        temperature: See `calibrate`.
        center: Whose centre a matched pair has: the lifted box's (the paper's text) or that of
            the more confident one (as released).
        score: Whose score a matched pair has: the lifted box's, which is that of its class, or
            that of the more confident one.
        unmatched_class: What proposals that match nothing become; None: they are discarded.

    Returns:
        As many rows as `lifted`, in its order; after them proposals that are kept.
    """
    iou = bev_iou(bev_corners(lifted.cuboids), bev_corners(proposals.cuboids))
    rows, columns = greedy_match(iou, min_iou)
    confidence = calibrate(proposals.score[columns], temperature)
    surer = confidence > lifted.score[rows]
    rows, winners = rows[surer], proposals[columns[surer]]
    confident = lifted.score[rows] if score == "lifted" else confidence[surer]
    fused = _with_shape(lifted, rows, winners.replace(score=confident))
    if center == "surer":
        fused = fused.replace(center_m=_put(lifted.center_m, rows, winners.center_m))
    if unmatched_class is None:
        return fused
    alone = proposals[np.setdiff1d(np.arange(len(proposals)), columns)]
    return Boxes3D.concatenate([fused, _as_class(alone, unmatched_class, temperature)])


def _as_class(proposals: Boxes3D, class_name: str, temperature: float) -> Boxes3D:
    """Proposals as boxes of a class, with scores that compare with those of lifted boxes."""
    return proposals.replace(
        class_name=np.full(len(proposals), class_name, dtype=object),
        score=calibrate(proposals.score, temperature),
    )


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


_SQUARE_ASPECT = 1.5  # the longer to the shorter side, up to which the longer says nothing


def turn_to_reference(
    boxes: Boxes3D, reference: Boxes3D
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat]:
    """Read the footprints of N boxes the way that is nearest to N reference boxes.

    A rectangle has four readings, a quarter turn apart; odd turns swap length and width. A long
    one is read along the side along which the reference is long (barriers are wide), which
    leaves two; of those, and of the four of a squarish one, the heading nearest to the
    reference's is taken. So a heading that means something resolves front and rear, and one that
    means nothing, as the paper's 0 of people and cycles, cannot turn a long box across.

    Returns:
        Length, width and yaw of the readings.
    """
    odd = (boxes.length_m < boxes.width_m) != (reference.length_m < reference.width_m)
    difference = (reference.yaw_rad - boxes.yaw_rad) / (np.pi / 2)
    longer_m = np.maximum(boxes.length_m, boxes.width_m)
    squarish = longer_m <= _SQUARE_ASPECT * np.minimum(boxes.length_m, boxes.width_m)
    turns = np.where(squarish, np.round(difference), odd + 2 * np.round((difference - odd) / 2))
    swapped = turns % 2 == 1
    return (
        np.where(swapped, boxes.width_m, boxes.length_m),
        np.where(swapped, boxes.length_m, boxes.width_m),
        wrap_angle(boxes.yaw_rad + turns * np.pi / 2),
    )


def greedy_match(iou: NDArrayFloat, min_iou: float) -> tuple[NDArrayInt, NDArrayInt]:
    """Pair rows and columns by descending overlap, each at most once.

    Args:
        iou: (N, M) overlaps. Of equal ones the first row, then the first column, goes first.
        min_iou: Overlap that a pair needs. Boxes that do not touch never pair.

    Returns:
        (K,) rows and (K,) columns of the pairs, best first.
    """
    rows, columns = np.nonzero((iou >= min_iou) & (iou > 0))
    order = np.argsort(-iou[rows, columns], kind="stable")
    row_free, column_free = np.ones(iou.shape[0], bool), np.ones(iou.shape[1], bool)
    pairs = []
    for row, column in zip(rows[order], columns[order], strict=True):
        if row_free[row] and column_free[column]:
            row_free[row] = column_free[column] = False
            pairs.append((row, column))
    matched = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]
