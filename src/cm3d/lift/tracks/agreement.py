"""All that the boxes of each track agree on."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.fit.evidence import Evidence
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.heading import TrackHeadings, track_headings
from cm3d.lift.tracks.motion import TrackMotion, heights
from cm3d.lift.tracks.votes import Votes
from cm3d.params import Tracks
from cm3d.tables import Boxes3D
from cm3d.taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class Agreement:
    """What K tracks say, as a whole or in each of T keyframes.

    Args:
        classes: (K,) class index.
        size_m: (K, 3) length, width, height.
        score: (K,), whatever the class.
        certainty: (K,) factor on it for how sure the class is.
        center_m: (K, T, 3), global frame.
        headings: Of the tracks.
        motion: Of the tracks.
    """

    classes: NDArrayInt
    size_m: NDArrayFloat
    score: NDArrayFloat
    certainty: NDArrayFloat
    center_m: NDArrayFloat
    headings: TrackHeadings
    motion: TrackMotion

    @property
    def yaw_rad(self) -> NDArrayFloat:
        """Headings (K, T), global frame."""
        return self.headings.yaw_rad

    @classmethod
    def of(
        cls,
        boxes: Boxes3D,
        own: NDArrayInt,
        votes: Votes,
        evidence: Evidence,
        motion: TrackMotion,
        grid: Grid,
        taxonomy: Taxonomy,
        params: Tracks,
    ) -> Self:
        """Let the boxes (N,) of each track, of classes `own`, pool and follow the motion."""
        classes = votes.elected
        z_m = heights(boxes.center_m[:, 2], evidence.position_std_m, grid, motion)
        return cls(
            classes=classes,
            size_m=agreed_sizes(boxes.cuboids.size_m, evidence.size_weight, own, classes, grid),
            score=track_scores(boxes.score, grid, params.score_prior_boxes),
            certainty=votes.shares(classes) ** params.class_share,
            center_m=np.concatenate([motion.xy_m, z_m[..., None]], axis=-1),
            headings=track_headings(
                boxes.yaw_rad,
                evidence.yaw_weight,
                taxonomy.flags("follows_lanes")[classes],
                grid,
                motion,
                params.max_axis_error_rad,
            ),
            motion=motion,
        )


def track_scores(score: NDArrayFloat, grid: Grid, prior_boxes: float) -> NDArrayFloat:
    """Score (K,) of each track: the mean of its boxes' and of `prior_boxes` more of score 0.

    A flash in a single keyframe is so less credible than what was seen over and over.
    """
    mean = grid.mean(score, np.ones(len(score)))
    return np.asarray(mean * grid.length / (grid.length + prior_boxes))


def agreed_sizes(
    size_m: NDArrayFloat,
    weight: NDArrayFloat,
    classes: NDArrayInt,
    track_classes: NDArrayInt,
    grid: Grid,
) -> NDArrayFloat:
    """Sizes (K, 3) of tracks: weighted means over their boxes of the track's class.

    Args:
        size_m: (N, 3) of the boxes.
        weight: (N,) how much of each object was seen.
        classes: (N,) of the boxes.
        track_classes: (K,) of the tracks; at least one box of each has it.
        grid: K tracks over T keyframes.
    """
    track_of_box = np.zeros(len(classes), dtype=np.int64)
    track_of_box[grid.row[grid.observed]] = np.nonzero(grid.observed)[0]
    same = classes == track_classes[track_of_box]
    return grid.mean(size_m, np.where(same, np.maximum(weight, 1e-6), 1e-12))
