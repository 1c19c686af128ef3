"""Counts by hand, and against a loop over thresholds as the metric is written down."""

import numpy as np
import pytest

from cm3d.evaluation.maps.counts import IOU, MEAN, count_pixels, score_counts
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.tables.map_predictions import MAP_THRESHOLDS


def naive(probability: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The metric, class by class and threshold by threshold; (frames, classes, rows, columns)."""
    best = {}
    for index, name in enumerate(MAP_CLASSES):
        found = []
        for threshold in np.float32(MAP_THRESHOLDS):
            says, is_so = probability[:, index] >= threshold, truth[:, index]
            tp, fp, fn = (says & is_so).sum(), (says & ~is_so).sum(), (~says & is_so).sum()
            found.append(tp / (tp + fp + fn))
        if truth[:, index].any():
            best[IOU[name]] = max(found)
    return {MEAN: float(np.mean(list(best.values()))), **best}


@pytest.mark.parametrize("absent", [(), (1, 4)])
def test_scores_are_those_of_a_loop(absent: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((5, 6, 20, 30)) < rng.uniform(0.02, 0.5, (6, 1, 1))
    noise = rng.normal(size=truth.shape) * rng.uniform(0.1, 1, (6, 1, 1))
    probability = (1 / (1 + np.exp(-(2 * truth - 1 + 2 * noise)))).astype(np.float32)
    # some exactly on a threshold
    at = rng.random(truth.shape) < 0.1
    probability[at] = rng.choice(np.float32(MAP_THRESHOLDS), int(at.sum()))
    truth[:, list(absent)] = False
    reached = (probability[..., None] >= np.float32(MAP_THRESHOLDS)).sum(-1).astype(np.uint8)
    counts = sum(count_pixels(r, t) for r, t in zip(reached, truth, strict=True))
    expected = naive(probability, truth)
    found = score_counts(np.asarray(counts))
    assert list(found) == list(expected)
    assert len(found) == 1 + 6 - len(absent)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-12)


def test_the_best_threshold_counts() -> None:
    """Of 4 true pixels 3 reach .65; a false one reaches .35 alone."""
    reached, truth = np.zeros((6, 2, 4), np.uint8), np.zeros((6, 2, 4), bool)
    truth[0, 0], reached[0, 0], reached[0, 1, 0] = True, [7, 7, 7, 0], 1
    counts = count_pixels(reached, truth)
    assert counts[0].tolist() == [[3, 1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 3]]
    assert score_counts(counts) == {"mIoU": 0.75, "IoU_drivable_area": 0.75}


def test_no_truth_has_no_figures() -> None:
    reached = np.full((6, 2, 2), 7, np.uint8)
    assert score_counts(count_pixels(reached, np.zeros((6, 2, 2), bool))) == {}


def test_counts_of_a_large_split_are_exact() -> None:
    """In single precision counters stand still above 2^24."""
    counts = np.zeros((6, 2, 8), np.int64)
    counts[0, 1, 7], counts[0, 0, 7] = 2**33, 1
    assert score_counts(counts)["IoU_drivable_area"] == 2**33 / (2**33 + 1) < 1
