"""Our scores are those of the whole devkit, which reads the database and a result file."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from nuscenes import NuScenes
from nuscenes.eval.detection.evaluate import DetectionEval

from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.scenes import IndexedScene, index_scene
from cm3d.evaluation.nuscenes.detection import evaluate_boxes
from cm3d.evaluation.nuscenes.devkit import detection_config, read_scores
from cm3d.evaluation.nuscenes.rules import Engine
from cm3d.evaluation.nuscenes.scores import DetectionScores
from cm3d.evaluation.nuscenes.summary import headline
from cm3d.tables import Boxes3D, Frames, GroundTruth
from cm3d.tables.result_files import encode, submission
from tests.evaluation.known import ATTRIBUTE_NAMES, CLASS_NAMES, TAXONOMY

Compare = Callable[[DetectionScores, DetectionScores], None]


def _devkit_scores(
    root: Path, predictions: Boxes3D, frames: Frames, folder: Path
) -> DetectionScores:
    result = folder / "results.json"
    result.write_bytes(encode(submission(predictions, frames, True, True, True)))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        evaluation = DetectionEval(
            NuScenes("v1.0-mini", str(root), verbose=False),
            detection_config(),
            str(result),
            "mini_train",
            str(folder),
            verbose=False,
        )
        return read_scores(*evaluation.evaluate())


def _index(root: Path, scenes: tuple[str, ...]) -> IndexedScene:
    tables = NuScenesTables(root, "v1.0-mini")
    parts = [index_scene(tables, scene, 0, TAXONOMY) for scene in scenes]
    stacked: dict[str, Any] = {
        field.name: type(getattr(parts[0], field.name)).concatenate(
            getattr(part, field.name) for part in parts
        )
        for field in fields(IndexedScene)
    }
    return IndexedScene(**stacked)


def _noisy(truth: GroundTruth, seed: int) -> Boxes3D:
    """Most of the truth, blurred, with wrong classes, clutter and many equal scores."""
    rng = np.random.default_rng([seed, 1])
    seen = truth[rng.random(len(truth)) < 0.8]
    clutter = truth[rng.integers(len(truth), size=len(truth))]
    rows = GroundTruth.concatenate([seen, clutter])
    count = len(rows)
    blur_m = np.where(np.arange(count) < len(seen), 0.7, 15)[:, None]
    class_name = rows.class_name.copy()
    wrong = rng.random(count) < 0.1
    class_name[wrong] = rng.choice(np.array(CLASS_NAMES, dtype=object), wrong.sum())
    velocity_mps = rows.velocity_mps + rng.normal(0, 0.5, (count, 2))
    velocity_mps[rng.random(count) < 0.2] = np.nan
    return Boxes3D.from_columns(
        sample_token=rows.sample_token,
        class_name=class_name,
        score=np.round(rng.random(count), 1),
        center_m=rows.center_m + blur_m * rng.normal(size=(count, 3)),
        length_m=rows.length_m * rng.uniform(0.7, 1.3, count),
        width_m=rows.width_m * rng.uniform(0.7, 1.3, count),
        height_m=rows.height_m,
        yaw_rad=rows.yaw_rad + rng.normal(0, 0.5, count),
        velocity_mps=velocity_mps,
        attribute_name=rng.choice(np.array([*ATTRIBUTE_NAMES, ""], dtype=object), count),
    )


@pytest.mark.parametrize("seed", range(4))
def test_scores_of_random_boxes_are_the_devkits(
    tiny_database: Path, tmp_path: Path, seed: int, assert_same_scores: Compare
) -> None:
    index = _index(tiny_database, ("scene-0061", "scene-0553"))
    predictions = _noisy(index.ground_truth, seed)
    theirs = _devkit_scores(tiny_database, predictions, index.frames, tmp_path)
    for engine in get_args(Engine):
        split = (predictions, index.ground_truth, index.frames, index.bicycle_racks)
        ours = evaluate_boxes(*split, TAXONOMY, engine)
        assert ours.engine == engine
        assert 0.02 < ours.mean_ap < 0.9
        assert_same_scores(ours, theirs)
        assert headline(ours) == headline(theirs)


def test_every_rule_decides_some_box(tiny_database: Path) -> None:
    index = _index(tiny_database, ("scene-0061", "scene-0553"))
    predictions = _noisy(index.ground_truth, 0)
    truth, frames, racks = index.ground_truth, index.frames, index.bicycle_racks
    scores = evaluate_boxes(predictions, truth, frames, racks, TAXONOMY)
    far = frames.replace(global_SE3_ego=frames.global_SE3_ego + 1)
    hit_all = truth.replace(num_lidar_points=np.ones(len(truth)))
    others = [
        evaluate_boxes(predictions, truth, far, racks, TAXONOMY),
        evaluate_boxes(predictions, hit_all, frames, racks, TAXONOMY),
        evaluate_boxes(predictions, truth, frames, racks[:0], TAXONOMY),
    ]
    assert len({scores.mean_ap, *(other.mean_ap for other in others)}) == 4


@pytest.mark.real
def test_scores_on_the_real_keyframe_are_the_devkits(
    real_keyframe: Path, tmp_path: Path, assert_same_scores: Compare
) -> None:
    index = _index(real_keyframe, ("scene-0061",))
    predictions = _noisy(index.ground_truth, 5)
    split = (predictions, index.ground_truth, index.frames, index.bicycle_racks)
    ours = evaluate_boxes(*split, TAXONOMY)
    assert ours.mean_ap > 0.05
    assert_same_scores(ours, _devkit_scores(real_keyframe, predictions, index.frames, tmp_path))
