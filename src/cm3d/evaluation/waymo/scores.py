"""Average precision by class and by range, at both levels of difficulty."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from cm3d.evaluation.waymo.boxes import Predictions, Truths
from cm3d.evaluation.waymo.counting import Counts, count
from cm3d.evaluation.waymo.matching import match
from cm3d.evaluation.waymo.overlap import Pairs, overlapping_pairs
from cm3d.evaluation.waymo.precision import average_precision, precision, recall
from cm3d.evaluation.waymo.rules import RANGES, range_index
from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.geometry.rows import Rows


@dataclass(frozen=True, eq=False)
class ShardScores(Rows):
    """Scores of S shards at L levels.

    Args:
        ap: (S, L) average precision.
        aph: (S, L) the same with every match worth its heading accuracy.
        precision: (S, L, C) at each cutoff of the score.
        recall: (S, L, C).
        counts: What they are computed from.
    """

    ap: NDArrayFloat
    aph: NDArrayFloat
    precision: NDArrayFloat32
    recall: NDArrayFloat32
    counts: Counts


@dataclass(frozen=True, eq=False)
class WaymoScores:
    """Scores by class, and by class and range: shard 3c + r is range r of class c.

    The two are matched apart from each other: a pair on both sides of a bound counts as one false
    prediction and one missed box by range.
    """

    by_class: ShardScores
    by_range: ShardScores


@dataclass(frozen=True, eq=False)
class WaymoCounts:
    """What boxes that come some frames at a time add up to; shards are those of `WaymoScores`."""

    by_class: Counts
    by_range: Counts

    @classmethod
    def none(cls, kinds: int) -> Self:
        """Of no frames, for a number of classes."""
        return cls(Counts.none(kinds), Counts.none(kinds * len(RANGES)))

    def plus(self, predictions: Predictions, truths: Truths, least_iou: NDArrayFloat32) -> Self:
        """The same with the boxes of further frames.

        Args:
            predictions: Of frames that have not come, all of each.
            truths: Ground truth of these frames that counts.
            least_iou: (C,) overlap of a match by class.
        """
        pairs = overlapping_pairs(predictions, truths, least_iou)
        both = (predictions, truths)
        shards = [rows.kind * len(RANGES) + range_index(rows.boxes.center_m) for rows in both]
        by_class = _plus(self.by_class, *both, pairs, *(rows.kind for rows in both))
        return type(self)(by_class, _plus(self.by_range, *both, pairs, *shards))

    def scores(self) -> WaymoScores:
        """Scores of all that came."""
        return WaymoScores(_scores(self.by_class), _scores(self.by_range))


def score_boxes(predictions: Predictions, truths: Truths, least_iou: NDArrayFloat32) -> WaymoScores:
    """Scores of boxes that are there at once; arguments as of `WaymoCounts.plus`."""
    return WaymoCounts.none(len(least_iou)).plus(predictions, truths, least_iou).scores()


def _plus(
    before: Counts,
    predictions: Predictions,
    truths: Truths,
    pairs: Pairs,
    prediction_shard: NDArrayInt,
    truth_shard: NDArrayInt,
) -> Counts:
    together = prediction_shard[pairs.prediction] == truth_shard[pairs.truth]
    matches = match(pairs[together], predictions.last)
    return count(before, predictions, truths, matches, prediction_shard, truth_shard)


def _scores(counts: Counts) -> ShardScores:
    found, false = counts.found[:, None], counts.false[:, None]
    reached = recall(found, counts.missed)
    plain = precision(found, found, false, reached)
    turned = precision(counts.heading[:, None], found, false, reached)
    ap, aph = (
        np.array(
            [
                [average_precision(*curve) for curve in zip(*of_shard, strict=True)]
                for of_shard in zip(curves, reached, strict=True)
            ]
        )
        for curves in (plain, turned)
    )
    return ShardScores(ap, aph, plain, reached, counts)
