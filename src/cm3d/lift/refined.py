"""The refined recipe: better points, places, sizes and headings than the paper's medoids give."""

from collections.abc import Iterable

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.ground import GroundField
from cm3d.lift.calibration import probability
from cm3d.lift.explained import ExplainedBoxes, explained
from cm3d.lift.fit.boxes import fit_boxes
from cm3d.lift.fit.evidence import evidence_of, fit_quality, front_weight
from cm3d.lift.identity import one_object, parts_of_others
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.objects import at_medoids
from cm3d.lift.points.in_masks import points_in_masks
from cm3d.lift.points.of_objects import (
    merge_cameras,
    newest_points,
    object_points,
    reach,
    shared_points,
)
from cm3d.lift.priors import Priors
from cm3d.lift.sightings import Sightings
from cm3d.lift.structure import share_above
from cm3d.lift.suppression import without_duplicates
from cm3d.lift.tracks.scene import follow_objects
from cm3d.params import Lift
from cm3d.tables import Explanations, Frames


def refined_frame(
    keyframe: Keyframe, priors: Priors, params: Lift
) -> tuple[Sightings, Explanations, NDArrayFloat]:
    """Turn every mask with enough LiDAR points into a box that explains what was seen.

    Arguments and errors are those of `lift_frame`. All is done in the level frame, so that no
    label depends on where north is.

    Returns:
        The boxes (N,), what gave them, and the points (P, 3) above the ground, global frame.
    """
    global_SE3_level = keyframe.global_SE3_level
    keyframe = keyframe.in_level_frame()
    scan, refine = keyframe.scan, params.refine
    known = priors.known(keyframe.masks.class_name)
    newest_m = scan.newest()
    ground = GroundField.from_points(newest_m, scan.sensor_m, scan.sensor_yaw_rad)
    found = points_in_masks(scan.points_m, keyframe.masks, keyframe.cameras, params, scan.pixels)
    found = object_points(found, scan, ground, refine)
    if refine.merge_cameras:
        found = merge_cameras(found, scan.points_m, keyframe.masks, known.suppression_m)
    of_all_sweeps = found
    if refine.newest:
        found = newest_points(found, scan.time_lag_s, refine.enough_points)

    objects = at_medoids(found, keyframe, known, params)
    if refine.fit:
        objects = fit_boxes(found, objects, keyframe, ground, params)
    if refine.score:
        objects = objects.scored(fit=fit_quality(objects.fit_cost))
    standing_m = newest_m[newest_m[:, 2] - ground.below(newest_m) > refine.ground_clearance_m]
    if refine.free_standing:
        objects = objects.scored(free_standing=(1 - share_above(objects, standing_m)) ** 2)
    # Of all sweeps: of a whole that loses its old ones, a part with few points keeps them.
    shared = shared_points(of_all_sweeps, objects.row)
    if refine.parts:
        whole = ~parts_of_others(shared, reach(found, scan.points_m, objects.row), objects)
        objects, shared = objects[whole], shared[whole][:, whole]
    if params.nms:
        kept = without_duplicates(objects)
        objects, shared = objects[kept], shared[kept][:, kept]
    group = priors.motion_group(objects.known.class_index)
    same_as = np.arange(len(objects))
    if refine.one_class:
        same_as = one_object(shared, group, objects.known.class_index, objects.score)

    range_m = np.linalg.norm(objects.center_m[:, :2] - scan.sensor_m[:2], axis=1)
    front = front_weight(objects.headings, refine.max_lane_distance_m)
    evidence = evidence_of(fit_quality(objects.fit_cost), objects.size.length_m, range_m, front)
    level = explained(objects, keyframe.sample_token)
    boxes = level.boxes.replace(
        center_m=global_SE3_level.transform_points(level.boxes.center_m),
        yaw_rad=global_SE3_level.transform_yaw(level.boxes.yaw_rad),
    )
    sightings = Sightings(boxes, evidence, same_as)
    return sightings, level.why, global_SE3_level.transform_points(standing_m)


def refined_scene(
    keyframes: Iterable[Keyframe], frames: Frames, priors: Priors, params: Lift
) -> ExplainedBoxes:
    """Boxes of a scene, global frame, and what gave them.

    Args:
        keyframes: What was seen; taken one at a time.
        frames: The scene's keyframes.
        priors: What is known of each class.
        params: Section `lift`.

    Raises:
        InputError: A mask has an unknown class or camera, or cannot be decoded.
    """
    by_keyframe = [refined_frame(keyframe, priors, params) for keyframe in keyframes]
    found = Sightings.concatenate(sightings for sightings, _, _ in by_keyframe)
    of_found = Explanations.concatenate(why for _, why, _ in by_keyframe)
    told = ExplainedBoxes(found.boxes, of_found)
    if params.refine.tracks:
        standing_m = {
            token: points_m
            for token, (_, _, points_m) in zip(frames.sample_token, by_keyframe, strict=True)
        }
        followed = follow_objects(found, frames, standing_m, priors.taxonomy, params.tracks)
        told = followed.explained(of_found)
    boxes, why = told.boxes, told.why.replace(raw_score=told.boxes.score)
    if params.refine.calibrate:
        boxes = boxes.replace(score=probability(boxes.score, params.calibration))
    return ExplainedBoxes(boxes, why)
