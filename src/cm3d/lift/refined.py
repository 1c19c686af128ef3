"""The refined recipe: better points, places, sizes and headings than the paper's medoids give."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from cm3d.geometry.ground import GroundField
from cm3d.geometry.rows import Rows
from cm3d.lift.fit.boxes import fit_boxes
from cm3d.lift.fit.evidence import Evidence, evidence_of, fit_quality
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.objects import at_medoids
from cm3d.lift.points.in_masks import points_in_masks
from cm3d.lift.points.of_objects import merge_cameras, object_points
from cm3d.lift.priors import Priors
from cm3d.lift.suppression import without_duplicates
from cm3d.lift.tracks.scene import follow_objects
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Frames


@dataclass(frozen=True, eq=False)
class Refined(Rows):
    """Boxes of one keyframe or more.

    Args:
        boxes: N boxes, global frame.
        evidence: How well each is known.
    """

    boxes: Boxes3D
    evidence: Evidence


def refined_frame(keyframe: Keyframe, priors: Priors, params: Lift) -> Refined:
    """Turn every mask with enough LiDAR points into a box that explains what was seen.

    Arguments and errors are those of `lift_frame`, whose boxes come out where all refinements
    are off.
    """
    scan, refine = keyframe.scan, params.refine
    known = priors.known(keyframe.masks.class_name)
    ground = GroundField.from_points(scan.newest(), scan.sensor_m, scan.sensor_yaw_rad)
    found = points_in_masks(scan.points_m, keyframe.masks, keyframe.cameras, params)
    found = object_points(found, scan, ground, refine)
    if refine.merge_cameras:
        found = merge_cameras(found, scan.points_m, keyframe.masks, known.suppression_m)

    objects = at_medoids(found, keyframe, known, params)
    quality = np.ones(len(objects))
    if refine.fit:
        objects, cost = fit_boxes(found, objects, keyframe, ground, params)
        quality = fit_quality(cost)
    if refine.score:
        objects = replace(objects, score=objects.score * quality)
    if params.nms:
        kept = without_duplicates(objects)
        objects, quality = objects[kept], quality[kept]

    range_m = np.linalg.norm(objects.center_m[:, :2] - scan.sensor_m[:2], axis=1)
    evidence = evidence_of(quality, objects.size.length_m, range_m)
    return Refined(objects.as_boxes(keyframe.sample_token), evidence)


def refined_scene(
    keyframes: Iterable[Keyframe], frames: Frames, priors: Priors, params: Lift
) -> Boxes3D:
    """Boxes of a scene, global frame.

    Args:
        keyframes: What was seen; taken one at a time.
        frames: The scene's keyframes.
        priors: What is known of each class.
        params: Section `lift`.

    Raises:
        InputError: A mask has an unknown class or camera, or cannot be decoded.
    """
    found = Refined.concatenate(refined_frame(keyframe, priors, params) for keyframe in keyframes)
    if not params.refine.tracks:
        return found.boxes
    return follow_objects(found.boxes, frames, found.evidence, priors.taxonomy, params.tracks).boxes
