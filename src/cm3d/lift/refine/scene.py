"""The refined recipe over a scene: keyframes one by one, then their boxes together."""

from collections.abc import Iterable

from cm3d.lift.keyframe import Keyframe
from cm3d.lift.refine.frame import Refined, refine_frame
from cm3d.lift.shape_priors import Priors
from cm3d.lift.tracks.refine import refine_by_tracks
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Frames


def refine_scene(
    keyframes: Iterable[Keyframe], frames: Frames, priors: Priors, params: Lift
) -> Boxes3D:
    """Boxes of a scene, global frame.

    Args:
        keyframes: What was seen; taken one at a time.
        frames: The scene's keyframes.
        priors: Size of each class.
        params: Section `lift`.

    Raises:
        InputError: A mask has an unknown class or camera, or cannot be decoded.
    """
    found = Refined.concatenate(refine_frame(keyframe, priors, params) for keyframe in keyframes)
    if not params.refine.tracks:
        return found.boxes
    return refine_by_tracks(found.boxes, frames, found.evidence, params.tracks).boxes
