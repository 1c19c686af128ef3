"""What a model sees in single keyframes, followed through the scene as `lift` follows its boxes."""

import numpy as np

from cm3d.lift.explained import ExplainedBoxes
from cm3d.lift.fit.evidence import evidence_of
from cm3d.lift.objects import words
from cm3d.lift.sightings import Sightings
from cm3d.lift.tracks.scene import follow_objects
from cm3d.params import Tracks
from cm3d.relabel.ranges import range_m
from cm3d.tables import Boxes3D, Explanations, Frames
from cm3d.taxonomy import Taxonomy

_QUALITY = 0.5  # of any box of a network: neither a perfect fit nor a bad one


def tracked(boxes: Boxes3D, frames: Frames, taxonomy: Taxonomy, params: Tracks) -> Boxes3D:
    """Let a model's boxes of a scene agree with each other as objects that move.

    Labels may know what comes later, which the model did not: velocities, headings, places, sizes
    and scores are those of tracks. Each box is an object of its own keyframe. Which end is the
    front is known to the model no better than to its neighbours. Gaps are not filled: a label
    where the model saw nothing, in whatever keyframe, is left to the labels that it is merged with.

    Args:
        boxes: Boxes of the scene, global frame.
        frames: Its keyframes.
        taxonomy: The class list.
        params: Section `lift.tracks`.

    Returns:
        As many boxes, in another order that does not depend on that of `boxes`.

    Raises:
        InputError: A box has an unknown class or keyframe; a group of motion is missing.
    """
    count = len(boxes)
    quality = np.full(count, _QUALITY)
    far_m = range_m(boxes, frames)
    sightings = Sightings(
        ExplainedBoxes(boxes, _unexplained(boxes)),
        evidence_of(quality, boxes.length_m, far_m, quality),
        np.arange(count),
    )
    params = params.model_copy(update={"fill_gaps": False})
    return follow_objects(sightings, frames, {}, taxonomy, params).boxes


def _unexplained(boxes: Boxes3D) -> Explanations:
    """Explanations that say nothing: `follow_objects` has places for them, relabels have not."""
    count = len(boxes)
    nothing, unknown, ones = words("", count), np.full(count, np.nan), np.ones(count)
    return Explanations(
        sample_token=boxes.sample_token,
        track=np.full(count, -1),
        track_boxes=ones.astype(np.int64),
        seen=ones.astype(bool),
        points=np.zeros(count, dtype=np.int64),
        center_from=nothing,
        heading_from=nothing,
        front_from=nothing,
        size_from=nothing,
        fit_cost=unknown,
        mask_class=boxes.class_name,
        voted_class=boxes.class_name,
        voted_share=ones,
        second_class=nothing,
        second_share=np.zeros(count),
        mask_score=boxes.score,
        fit_quality=ones,
        free_standing=ones,
        track_score=unknown,
        class_factor=ones,
        gap_factor=ones,
        raw_score=boxes.score,
    )
