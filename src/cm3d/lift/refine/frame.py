"""The refined recipe: better points, places, sizes and headings than the paper's medoids give."""

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np

from cm3d.geometry.ground import GroundField
from cm3d.lift.evidence import Evidence
from cm3d.lift.frame import (
    medoid_boxes,
    nms_radius,
    standing_boxes,
    without_duplicates,
)
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.mask_points import points_in_masks
from cm3d.lift.refine.fit import fit_boxes
from cm3d.lift.refine.merging import merge_cameras
from cm3d.lift.refine.object_points import object_points
from cm3d.lift.refine.quality import evidence_of, fit_quality
from cm3d.lift.shape_priors import Priors, barriers_across
from cm3d.params import Lift
from cm3d.tables import Boxes3D


class Refined(NamedTuple):
    """Boxes of one keyframe.

    Args:
        boxes: N boxes, global frame.
        evidence: How well each is known.
    """

    boxes: Boxes3D
    evidence: Evidence

    @classmethod
    def concatenate(cls, parts: Iterable["Refined"]) -> Self:
        """Boxes of several keyframes, at least one."""
        boxes, evidence = zip(*parts, strict=True)
        return cls(Boxes3D.concatenate(boxes), Evidence.concatenate(evidence))


def refine_frame(keyframe: Keyframe, priors: Priors, params: Lift) -> Refined:
    """Turn every mask with enough LiDAR points into a box that explains what was seen.

    Arguments and errors are those of `lift_frame`, whose boxes come out where all refinements
    are off.
    """
    scan, refine = keyframe.scan, params.refine
    ground = GroundField.from_points(scan.newest())
    found = points_in_masks(scan.points_m, keyframe.masks, keyframe.cameras, params)
    found = object_points(found, scan, ground, refine)
    if refine.merge_cameras:
        reach_m = nms_radius(keyframe.masks.class_name, params)
        found = merge_cameras(found, scan.points_m, keyframe.masks, reach_m)

    guess = medoid_boxes(found, keyframe, priors, params)
    quality = np.ones(len(guess.rows))
    if refine.fit:
        guess = guess._replace(size=barriers_across(guess.size, guess.masks.class_name))
        fit = fit_boxes(found, guess, keyframe, ground, params.medoid_compensation, refine)
        guess = guess._replace(
            center_m=fit.center_m,
            size=fit.size,
            headings=guess.headings._replace(yaw_rad=fit.yaw_rad),
        )
        quality = fit_quality(fit.cost)
    score = guess.masks.score * quality if refine.score else guess.masks.score
    boxes = standing_boxes(
        keyframe.sample_token,
        guess.masks,
        score,
        guess.center_m,
        guess.size,
        guess.headings.yaw_rad,
    )
    range_m = np.linalg.norm(boxes.center_m[:, :2] - scan.sensor_m[:2], axis=1)
    evidence = evidence_of(quality, boxes.length_m, range_m)
    kept = without_duplicates(boxes, params)
    return Refined(boxes[kept], evidence.rows(kept))
