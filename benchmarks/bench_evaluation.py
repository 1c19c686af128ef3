"""Scores of a synthetic split, against nuscenes-devkit's own `DetectionEval.evaluate`.

Ground truth has nuScenes' density and class shares; predictions are the truth, blurred and partly
missed, and clutter around it. The devkit takes a minute for all 6,019 samples of the val split, so
both sides are measured on fewer unless `--full` is given. The devkit's time is that of `evaluate`
alone: loading, filtering and building its boxes are left out. Numbers of both are compared.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from cm3d.evaluation.nuscenes.detection import countable_boxes, evaluate_boxes
from cm3d.evaluation.nuscenes.devkit import detection_eval, read_scores
from cm3d.evaluation.nuscenes.fast import find, score_found
from cm3d.evaluation.nuscenes.rules import ClassRules
from cm3d.evaluation.nuscenes.scores import DetectionScores
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.tables.table import columns_of
from cm3d.taxonomy import Taxonomy, load_taxonomy

_SAMPLES: Final = 300
_VAL_SAMPLES: Final = 6019
_TRUE_BOXES: Final = 30  # per sample
_EXTENT_M: Final = 45.0

# Rough shares of nuScenes' annotations.
_SHARES: Final = {
    "car": 0.43,
    "pedestrian": 0.19,
    "barrier": 0.13,
    "traffic_cone": 0.09,
    "truck": 0.08,
    "trailer": 0.02,
    "bus": 0.02,
    "construction_vehicle": 0.015,
    "motorcycle": 0.0125,
    "bicycle": 0.0125,
}

ResultT = TypeVar("ResultT")


def main() -> None:
    """Measure and print the table; numbers that differ are an error."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--full", action="store_true", help=f"all {_VAL_SAMPLES} samples of val")
    show_times(_VAL_SAMPLES if parser.parse_known_args()[0].full else _SAMPLES)


def show_times(samples: int) -> None:
    """Time both engines on the same boxes, with and without the filtering that they share."""
    taxonomy = load_taxonomy("nuscenes")
    split = predictions, truth, _, _ = synthetic_split(samples, taxonomy)
    ours, whole_s = timed(lambda: evaluate_boxes(*split, taxonomy))
    countable, filtering_s = timed(lambda: countable_boxes(*split, taxonomy))
    rules = ClassRules.of(taxonomy)
    again, fast_s = timed(lambda: score_found(find(*countable, rules), rules))
    devkit, devkit_s = timed(detection_eval(*countable, rules).evaluate)
    difference = max(largest_difference(scores, read_scores(*devkit)) for scores in (ours, again))
    if difference > 1e-9:
        raise SystemExit(f"the engines differ by {difference}")
    table = Table(
        title=f"{samples} samples (nuScenes val: {_VAL_SAMPLES}), {len(predictions)} predictions, "
        f"{len(truth)} ground truth boxes; largest difference {difference:.0e}"
    )
    for heading in ("", "time (s)", "times faster"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, elapsed_s in {
        "nuscenes-devkit on filtered boxes": devkit_s,
        "cm3d.evaluation on filtered boxes": fast_s,
        "cm3d.evaluation, filtering included": whole_s,
    }.items():
        table.add_row(name, f"{elapsed_s:.2f}", f"{devkit_s / elapsed_s:.0f}")
    table.add_row("of it the filtering", f"{filtering_s:.2f}", "")
    Console().print(table)


def timed(call: Callable[[], ResultT]) -> tuple[ResultT, float]:
    """Result of one call, and its seconds."""
    start_s = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start_s


def largest_difference(one: DetectionScores, other: DetectionScores) -> float:
    """Over the headlines and every curve; NaN in both is no difference."""
    pairs: list[tuple[Any, Any]] = [(one.mean_ap, other.mean_ap), (one.nds, other.nds)]
    for name, by_distance in one.curves.items():
        for distance_m, mine in by_distance.items():
            theirs = other.curves[name][distance_m]
            pairs += [(mine.precision, theirs.precision), (mine.confidence, theirs.confidence)]
            pairs += [(mine.errors[key], theirs.errors[key]) for key in mine.errors]
    return max(float(np.nanmax(np.abs(np.subtract(*pair)))) for pair in pairs)


def synthetic_split(
    samples: int, taxonomy: Taxonomy
) -> tuple[Boxes3D, GroundTruth, Frames, Boxes3D]:
    """Predictions, ground truth, frames and bicycle racks."""
    rng = np.random.default_rng(samples)
    tokens = np.array([f"{index:032x}" for index in range(samples)], dtype=object)
    ego_xy_m = rng.uniform(300, 2000, (samples, 2))
    attributes = np.array([*taxonomy.attribute_names, ""], dtype=object)
    truth = synthetic_truth(rng, tokens, ego_xy_m, attributes)
    frames = Frames.from_columns(
        sample_token=tokens,
        scene_name=[f"scene-{index // 40:04d}" for index in range(samples)],
        timestamp_us=np.arange(samples),
        split=["val"] * samples,
        location=[""] * samples,
        global_SE3_ego=np.column_stack(
            [np.tile([1.0, 0, 0, 0], (samples, 1)), ego_xy_m, np.zeros(samples)]
        ),
    )
    racks = truth[rng.integers(len(truth), size=samples // 4)]
    columns = {name: getattr(racks, name) for name in columns_of(Boxes3D)}
    racked = Boxes3D.from_columns(**{**columns, "class_name": ["bicycle_rack"] * len(racks)})
    return synthetic_predictions(rng, truth, attributes), truth, frames, racked


def synthetic_truth(
    rng: np.random.Generator, tokens: Any, ego_xy_m: NDArrayFloat, attributes: Any
) -> GroundTruth:
    """Around `_TRUE_BOXES` per sample, in clusters, as parked cars and crowds are."""
    frame = np.repeat(np.arange(len(tokens)), rng.poisson(_TRUE_BOXES, len(tokens)))
    count = len(frame)
    cluster = rng.integers(6, size=count)
    cluster_xy_m = rng.uniform(-_EXTENT_M, _EXTENT_M, (len(tokens), 6, 2))
    xy_m = ego_xy_m[frame] + cluster_xy_m[frame, cluster] + rng.normal(0, 6, (count, 2))
    return GroundTruth.from_columns(
        sample_token=tokens[frame],
        class_name=rng.choice(np.array([*_SHARES], dtype=object), count, p=[*_SHARES.values()]),
        score=np.ones(count),
        center_m=np.column_stack([xy_m, rng.normal(0, 0.5, count)]),
        length_m=rng.uniform(0.5, 6, count),
        width_m=rng.uniform(0.5, 2.5, count),
        height_m=rng.uniform(0.8, 3, count),
        yaw_rad=rng.uniform(-np.pi, np.pi, count),
        velocity_mps=np.where(rng.random((count, 1)) < 0.02, np.nan, rng.normal(0, 3, (count, 2))),
        attribute_name=rng.choice(attributes, count),
        instance_token=[str(row) for row in range(count)],
        num_lidar_points=rng.poisson(6, count),
        num_radar_points=np.zeros(count),
        visibility=np.full(count, 4),
    )


def synthetic_predictions(rng: np.random.Generator, truth: GroundTruth, attributes: Any) -> Boxes3D:
    """Four fifths of the truth, blurred, and as much clutter near it, with lower scores."""
    found = np.flatnonzero(rng.random(len(truth)) < 0.8)
    clutter = rng.integers(len(truth), size=len(found))
    rows, count = truth[np.concatenate([found, clutter])], 2 * len(found)
    is_found = np.arange(count) < len(found)
    blur_m = np.where(is_found, 0.4, 6.0)[:, None] * rng.normal(size=(count, 3))
    return Boxes3D.from_columns(
        sample_token=rows.sample_token,
        class_name=rows.class_name,
        score=np.round(np.where(is_found, rng.beta(4, 2, count), rng.beta(2, 5, count)), 3),
        center_m=rows.center_m + blur_m,
        length_m=rows.length_m * rng.uniform(0.8, 1.2, count),
        width_m=rows.width_m * rng.uniform(0.8, 1.2, count),
        height_m=rows.height_m * rng.uniform(0.8, 1.2, count),
        yaw_rad=rows.yaw_rad + rng.normal(0, 0.5, count),
        velocity_mps=np.nan_to_num(rows.velocity_mps) + rng.normal(0, 1, (count, 2)),
        attribute_name=rng.choice(attributes, count),
    )


if __name__ == "__main__":
    main()
