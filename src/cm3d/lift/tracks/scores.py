"""How credible the boxes of a track are."""

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.tracks.grid import Grid


def track_scores(score: NDArrayFloat, grid: Grid, prior_boxes: float) -> NDArrayFloat:
    """Score (K,) of each track: the mean of its boxes' and of `prior_boxes` more of score 0.

    A flash in a single keyframe is so less credible than what was seen over and over.
    """
    mean = grid.mean(score, np.ones(len(score)))
    return np.asarray(mean * grid.length / (grid.length + prior_boxes))
