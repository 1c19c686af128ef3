"""What a model sees in single keyframes, followed through the scene as `lift` follows its boxes."""

import numpy as np

from cm3d.lift.fit.evidence import evidence_of
from cm3d.lift.sightings import Sightings
from cm3d.lift.tracks.scene import follow_objects
from cm3d.params import Tracks
from cm3d.relabel.ranges import range_m
from cm3d.tables import Boxes3D, Frames
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
        boxes, evidence_of(quality, boxes.length_m, far_m, quality), np.arange(count)
    )
    params = params.model_copy(update={"fill_gaps": False})
    return follow_objects(sightings, frames, {}, taxonomy, params).boxes
