"""Boxes whose objects were followed, and what that made of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.geometry.rows import Rows, columns
from cm3d.lift.explained import ExplainedBoxes
from cm3d.tables import Boxes3D, Explanations

OWN: Final = ""  # instead of a word: what gave it to the box itself


@dataclass(frozen=True, eq=False)
class Membership(Rows):
    """The tracks of M boxes, and how these voted, each (M,); see `Explanations`."""

    track: NDArrayInt
    track_boxes: NDArrayInt
    voted_class: NDArrayObject
    voted_share: NDArrayFloat
    second_class: NDArrayObject
    second_share: NDArrayFloat


@dataclass(frozen=True, eq=False)
class Origins(Rows):
    """What gave each part of M boxes, each (M,): a word of `Explanations`, or `OWN`."""

    center_from: NDArrayObject
    heading_from: NDArrayObject
    front_from: NDArrayObject
    size_from: NDArrayObject


@dataclass(frozen=True, eq=False)
class TrackScores(Rows):
    """What makes up the scores of M boxes, each (M,).

    Args:
        track_score: Of the track; NaN where a box has its own.
        class_factor: For how sure the object is of the class.
        gap_factor: For a filled gap.
    """

    track_score: NDArrayFloat
    class_factor: NDArrayFloat
    gap_factor: NDArrayFloat


@dataclass(frozen=True, eq=False)
class Followed(Rows):
    """M boxes of a scene, as their tracks have them.

    Args:
        boxes: Global frame.
        row: (M,) which sighting each is; a filled gap is a copy of another one of its track.
        seen: (M,) whether there was a box; else a gap is filled.
        standing: (M,) LiDAR points in a filled gap's box, else 0.
        membership: Their tracks.
        origins: What gave their parts.
        scores: What makes up their scores.
    """

    boxes: Boxes3D
    row: NDArrayInt
    seen: NDArrayBool
    standing: NDArrayInt
    membership: Membership
    origins: Origins
    scores: TrackScores

    def explained(self, why: Explanations) -> ExplainedBoxes:
        """The boxes and what gave them.

        Args:
            why: What gave the sightings that were followed, in their order.
        """
        own, seen = why[self.row], self.seen
        origins = {
            name: np.where(words == OWN, getattr(own, name), words)
            for name, words in columns(self.origins).items()
        }
        # A filled gap knows nothing of the box whose copy it is.
        of_box = {
            name: np.where(seen, getattr(own, name), np.nan)
            for name in ("fit_cost", "mask_score", "fit_quality", "free_standing")
        }
        told = own.replace(
            sample_token=self.boxes.sample_token,
            seen=seen,
            points=np.where(seen, own.points, self.standing),
            mask_class=np.where(seen, own.mask_class, ""),
            **of_box,
            **origins,
            **columns(self.membership),
            **columns(self.scores),
        )
        return ExplainedBoxes(self.boxes, told)
