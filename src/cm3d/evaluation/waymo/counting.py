"""True and false positives and negatives of each shard at every cutoff."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from cm3d.evaluation.waymo.boxes import Predictions, Truths
from cm3d.evaluation.waymo.matching import Matches
from cm3d.evaluation.waymo.rules import LEVELS, SCORE_CUTOFFS
from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.arrays import NDArrayFloat, NDArrayFloat32, NDArrayInt
from cm3d.geometry.rows import Rows

_CUTOFFS: Final = len(SCORE_CUTOFFS)


@dataclass(frozen=True, eq=False)
class Counts(Rows):
    """What S shards add up to over all frames, at C cutoffs and L levels.

    Args:
        found: (S, C) predictions that match, whatever the level of what they match.
        false: (S, C) predictions that do not, and have no excuse.
        missed: (S, L, C) ground truth up to a level that is not matched.
        heading: (S, C) sum of the heading accuracies of those that match.
        truths: (S, L) ground truth up to a level.
    """

    found: NDArrayInt
    false: NDArrayInt
    missed: NDArrayInt
    heading: NDArrayFloat32
    truths: NDArrayInt

    @classmethod
    def none(cls, shards: int) -> Self:
        """Of no frames."""
        cutoffs, levels = (shards, _CUTOFFS), (shards, len(LEVELS))
        return cls(
            found=np.zeros(cutoffs, dtype=np.int64),
            false=np.zeros(cutoffs, dtype=np.int64),
            missed=np.zeros((*levels, _CUTOFFS), dtype=np.int64),
            heading=np.zeros(cutoffs, dtype=np.float32),
            truths=np.zeros(levels, dtype=np.int64),
        )


def count(
    before: Counts,
    predictions: Predictions,
    truths: Truths,
    matches: Matches,
    prediction_shard: NDArrayInt,
    truth_shard: NDArrayInt,
) -> Counts:
    """Count per shard.

    Args:
        before: Of the frames before these, which are added up in the order of their numbers.
        predictions: All of them.
        truths: All that count.
        matches: Between boxes of one shard.
        prediction_shard: By prediction.
        truth_shard: By ground truth box.
    """
    shards = len(before)
    shard = truth_shard[matches.truth]
    guilty = ~predictions.is_excused
    accused = guilty[matches.prediction]
    false = _reaching(prediction_shard[guilty], predictions.last[guilty], shards)
    missed, there = [], []
    for level in LEVELS:
        up_to = truths.level <= level
        easy = up_to[matches.truth]
        there.append(np.bincount(truth_shard[up_to], minlength=shards))
        missed.append(there[-1][:, None] - _matching(shard[easy], matches[easy], shards))
    return Counts(
        found=before.found + _matching(shard, matches, shards),
        false=before.false + false - _matching(shard[accused], matches[accused], shards),
        missed=before.missed + np.stack(missed, axis=1),
        heading=_heading_sums(before.heading, predictions, truths, matches, shard),
        truths=before.truths + np.stack(there, axis=1),
    )


def heading_accuracy(yaw_rad: NDArrayFloat, true_yaw_rad: NDArrayFloat) -> NDArrayFloat32:
    """From 1 for the same heading to 0 for the opposite one; (N,), rounded as Waymo's tool does."""
    heading, truth = (wrap_angle(yaw).astype(np.float32) for yaw in (yaw_rad, true_yaw_rad))
    apart = np.abs(heading - truth).astype(np.float64)
    apart = np.where(apart > np.pi, (2 * np.pi - apart).astype(np.float32), apart)
    return np.clip(1 - apart / np.pi, 0, 1).astype(np.float32)


def _reaching(shard: NDArrayInt, last: NDArrayInt, shards: int) -> NDArrayInt:
    """How many of N things, each with its last cutoff or -1, reach each cutoff; (shards, C)."""
    ending = np.bincount(shard * (_CUTOFFS + 1) + last + 1, minlength=shards * (_CUTOFFS + 1))
    reaching = np.cumsum(ending.reshape(shards, _CUTOFFS + 1)[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(reaching[:, 1:])


def _matching(shard: NDArrayInt, matches: Matches, shards: int) -> NDArrayInt:
    """How many matches there are at each cutoff; (shards, C)."""
    from_start = _reaching(shard, matches.last, shards)
    return from_start - _reaching(shard, matches.first - 1, shards)


def _heading_sums(
    before: NDArrayFloat32,
    predictions: Predictions,
    truths: Truths,
    matches: Matches,
    shard: NDArrayInt,
) -> NDArrayFloat32:
    """Sums (shards, C) in single precision, in the tool's order: within frames, then over them."""
    frame = predictions.frame[matches.prediction]
    order = np.lexsort((matches.prediction, frame, shard))
    matches, frame, shard = matches[order], frame[order], shard[order]
    yaw_rad, true_yaw_rad = predictions.boxes.yaw_rad, truths.boxes.yaw_rad
    accuracy = heading_accuracy(yaw_rad[matches.prediction], true_yaw_rad[matches.truth])
    is_new = (np.diff(shard, prepend=-1) != 0) | (np.diff(frame, prepend=-1) != 0)
    unit = np.cumsum(is_new) - 1  # a frame of a shard
    bounds = np.searchsorted(shard[is_new], np.arange(1, len(before)))
    sums = before.copy()
    for cutoff in range(_CUTOFFS):
        there = (matches.first <= cutoff) & (cutoff <= matches.last)
        of_unit = np.zeros(int(is_new.sum()), dtype=np.float32)
        np.add.at(of_unit, unit[there], accuracy[there])
        for row, part in enumerate(np.split(of_unit, bounds)):
            sums[row, cutoff] = np.cumsum(np.append(sums[row, cutoff], part))[-1]
    return sums
