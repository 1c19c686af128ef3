"""What the refined recipe makes of one keyframe, without why and the points that it hands on."""

from cm3d.lift.keyframe import Keyframe
from cm3d.lift.priors import Priors
from cm3d.lift.refined import refined_frame
from cm3d.lift.sightings import Sightings
from cm3d.params import Lift


def sighted(keyframe: Keyframe, priors: Priors, params: Lift) -> Sightings:
    return refined_frame(keyframe, priors, params)[0]
