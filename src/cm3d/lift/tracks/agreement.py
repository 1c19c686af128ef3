"""All that the boxes of each track agree on."""

from typing import NamedTuple, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt
from cm3d.lift.evidence import Evidence
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.groups import is_vehicle
from cm3d.lift.tracks.heading import track_headings
from cm3d.lift.tracks.motion import TrackMotion, heights
from cm3d.lift.tracks.scores import track_scores
from cm3d.lift.tracks.votes import agreed_sizes, voted_classes
from cm3d.params import Tracks
from cm3d.tables import Boxes3D
from cm3d.tables.vocabulary import class_indices


class Agreement(NamedTuple):
    """What K tracks say, as a whole or in each of T keyframes.

    Args:
        classes: (K,) class index.
        size_m: (K, 3) length, width, height.
        score: (K,).
        center_m: (K, T, 3), global frame.
        yaw_rad: (K, T), global frame.
        motion: Of the tracks.
    """

    classes: NDArrayInt
    size_m: NDArrayFloat
    score: NDArrayFloat
    center_m: NDArrayFloat
    yaw_rad: NDArrayFloat
    motion: TrackMotion

    @classmethod
    def of(
        cls, boxes: Boxes3D, evidence: Evidence, motion: TrackMotion, grid: Grid, params: Tracks
    ) -> Self:
        """Let the boxes (N,) of each track vote, pool and follow the motion."""
        own = class_indices(boxes.class_name)
        classes = voted_classes(own, boxes.score, grid)
        z_m = heights(boxes.center_m[:, 2], evidence.position_std_m, grid, motion)
        return cls(
            classes=classes,
            size_m=agreed_sizes(sizes_of(boxes), evidence.size_weight, own, classes, grid),
            score=track_scores(boxes.score, grid, params.score_prior_boxes),
            center_m=np.concatenate([motion.xy_m, z_m[..., None]], axis=-1),
            yaw_rad=track_headings(
                boxes.yaw_rad,
                evidence.yaw_weight,
                is_vehicle(classes),
                grid,
                motion,
                params.max_axis_error_rad,
            ),
            motion=motion,
        )


def sizes_of(boxes: Boxes3D) -> NDArrayFloat:
    """Length, width and height (N, 3)."""
    return np.stack([boxes.length_m, boxes.width_m, boxes.height_m], axis=-1)
