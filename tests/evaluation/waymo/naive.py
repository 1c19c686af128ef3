"""Waymo's detection metric box by box, straight from its description; slow on purpose."""

from functools import cache
from itertools import product

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment

from cm3d.evaluation.waymo.boxes import Predictions, Truths
from cm3d.geometry.cuboids import Cuboids, bev_corners

F = np.float32
CUTOFFS = [F(i * 0.01) for i in range(100)] + [F(1)]


def naive_scores(
    predictions: Predictions, scores: np.ndarray, truths: Truths, least_iou: list[float]
) -> dict[tuple[str, int, int], tuple[float, float]]:
    """AP and APH by breakdown, shard and level."""
    found = {}
    for name, shards in (("class", len(least_iou)), ("range", 3 * len(least_iou))):
        shard_of = {"class": lambda rows, i: rows.kind[i], "range": _range_shard}[name]
        ours = [shard_of(predictions, i) for i in range(len(predictions))]
        theirs = [shard_of(truths, i) for i in range(len(truths))]
        assert set(ours) | set(theirs) <= set(range(shards))
        for shard in range(shards):
            mine = [i for i, other in enumerate(ours) if other == shard]
            true = [i for i, other in enumerate(theirs) if other == shard]
            for level, value in _shard(predictions, scores, truths, mine, true, least_iou).items():
                found[name, shard, level] = value
    return found


def _range_shard(rows: Predictions | Truths, i: int) -> int:
    x, y, z = rows.boxes.center_m[i]
    distance = (x * x + y * y + z * z) ** 0.5
    return int(3 * rows.kind[i] + (0 if distance < 30 else 1 if distance < 50 else 2))


def _shard(
    predictions: Predictions,
    scores: np.ndarray,
    truths: Truths,
    mine: list[int],
    true: list[int],
    least_iou: list[float],
) -> dict[int, tuple[float, float]]:
    frames = sorted({*predictions.frame[mine], *truths.frame[true]})
    curves: dict[int, list[tuple[F, F, F]]] = {1: [], 2: []}
    iou = cache(lambda i, j: F(naive_iou(predictions.boxes[[i]], truths.boxes[[j]])))
    for cutoff in CUTOFFS:
        tp = fp = 0
        fn, heading = {1: 0, 2: 0}, F(0)
        for frame in frames:
            p = [i for i in mine if predictions.frame[i] == frame and F(scores[i]) >= cutoff]
            t = [i for i in true if truths.frame[i] == frame]
            size = max(len(p), len(t))
            edges = np.zeros((size, size), dtype=np.int64)
            for (a, i), (b, j) in product(enumerate(p), enumerate(t)):
                if iou(i, j) >= F(least_iou[predictions.kind[i]]):
                    edges[a, b] = int(np.floor(float(iou(i, j) * F(1e6)) + 0.5))
            pairs = {a: b for a, b in zip(*linear_sum_assignment(-edges), strict=True)}
            pairs = {a: b for a, b in pairs.items() if edges[a, b] > 0}
            of_frame = F(0)
            for a, i in enumerate(p):
                if a in pairs:
                    tp += 1
                    of_frame += naive_accuracy(
                        predictions.boxes.yaw_rad[i], truths.boxes.yaw_rad[t[pairs[a]]]
                    )
                elif not predictions.is_excused[i]:
                    fp += 1
            heading = F(heading + of_frame)
            for b, j in enumerate(t):
                for level in fn:
                    fn[level] += b not in pairs.values() and truths.level[j] <= level
        for level, curve in curves.items():
            precision = F(tp) / F(tp + fp) if tp + fp else F(0)
            turned = heading / F(tp + fp) if tp + fp else F(0)
            recall = F(tp) / F(tp + fn[level]) if tp + fn[level] else F(0)
            curve.append((F(1), F(1), recall) if recall == 0 else (precision, turned, recall))
    return {
        level: (naive_ap([c[::2] for c in curve]), naive_ap([c[1:] for c in curve]))
        for level, curve in curves.items()
    }


def naive_iou(first: Cuboids, second: Cuboids) -> float:
    sides = np.concatenate([first.size_m, second.size_m])
    if (sides <= 1e-2).any() or (sides >= 1e6).any():
        return 0
    low = max((b.center_m[0, 2] - b.height_m[0] / 2) for b in (first, second))
    high = min((b.center_m[0, 2] + b.height_m[0] / 2) for b in (first, second))
    if low > high:
        return 0
    one, other = (shapely.Polygon(bev_corners(b)[0]) for b in (first, second))
    shared = one.intersection(other).area * (high - low)
    union = first.size_m.prod() + second.size_m.prod() - shared
    return 0 if union <= 1e-6 else min(max(shared / union, 0), 1)


def naive_accuracy(yaw: float, true_yaw: float) -> F:
    first, second = (F((angle + np.pi) % (2 * np.pi) - np.pi) for angle in (yaw, true_yaw))
    apart = abs(F(first - second))
    if apart > np.pi:
        apart = F(2 * np.pi - float(apart))
    return F(min(1.0, max(0.0, 1 - float(apart) / np.pi)))


def naive_ap(points: list[tuple[F, F]]) -> float:
    """Of points (precision, recall)."""
    best = {F(0): F(1)}
    for precision, recall in points:
        best[recall] = max(best.get(recall, F(0)), precision)
    curve, reached, highest = [], F(0), F(0)
    for recall in sorted(best, reverse=True):
        while reached - recall > F(0.05) + F(1e-6):
            reached = F(reached - F(0.05))
            curve.append([highest, reached])
        highest = max(highest, best[recall])
        curve.append([highest, recall])
        reached = recall
    if len(curve) >= 2:
        curve[-1][0] = curve[-2][0]
    area = F(0)
    for i in range(1, len(curve)):
        width, height = curve[i - 1][1] - curve[i][1], curve[i - 1][0] + curve[i][0]
        area = F(float(area) + 0.5 * float(width) * float(height))
    return float(area)
