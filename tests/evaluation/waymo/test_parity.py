"""Our scores are those of Waymo's own op, which runs in an environment of its own.

`CM3D_WAYMO_PYTHON` names that environment's Python; docs/evaluation.md says how to make it.
`CM3D_WAYMO_GOLDEN` names a folder with the two files that Waymo's tool gives its own results of.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cm3d.datasets.waymo_sim import open_dataset
from cm3d.evaluation.waymo import WaymoScorer
from cm3d.evaluation.waymo.files import named, score_objects
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from cm3d.tables.waymo_objects import TYPES, read_objects, write_objects
from cm3d.tables.waymo_submission import objects_of, waymo_types
from cm3d.taxonomy import load_taxonomy
from tests.evaluation.waymo.submissions import random_submission
from tests.tiny_waymo_sim import TRAIN, VAL, params_of

pytestmark = pytest.mark.waymo

# AP and APH of both levels, as compute_detection_metrics_main.cc has them; cyclists have 0.
GOLDEN = {
    "OBJECT_TYPE_TYPE_VEHICLE": ((0.208277, 0.162823), (0.20542, 0.160523)),
    "OBJECT_TYPE_TYPE_PEDESTRIAN": ((0.129258, 0.0984962), (0.125136, 0.0953438)),
    "OBJECT_TYPE_TYPE_SIGN": ((0.0926278, 0.0635938), (0.067927, 0.0466355)),
    "OBJECT_TYPE_TYPE_CYCLIST": ((0, 0), (0, 0)),
    "RANGE_TYPE_VEHICLE_[0, 30)": ((0.154727, 0.129927), (0.154727, 0.129927)),
    "RANGE_TYPE_VEHICLE_[30, 50)": ((0.27302, 0.230956), (0.270492, 0.228818)),
    "RANGE_TYPE_VEHICLE_[50, +inf)": ((0.218596, 0.155501), (0.212188, 0.150963)),
    "RANGE_TYPE_PEDESTRIAN_[0, 30)": ((0.19352, 0.155428), (0.19352, 0.155428)),
    "RANGE_TYPE_PEDESTRIAN_[30, 50)": ((0.144201, 0.103131), (0.134931, 0.0966024)),
    "RANGE_TYPE_PEDESTRIAN_[50, +inf)": ((0.0985548, 0.0779858), (0.0960544, 0.075891)),
    "RANGE_TYPE_SIGN_[0, 30)": ((0.106175, 0.0716929), (0.0651952, 0.0439717)),
    "RANGE_TYPE_SIGN_[30, 50)": ((0.15528, 0.117763), (0.13587, 0.103042)),
    "RANGE_TYPE_SIGN_[50, +inf)": ((0.075276, 0.0507518), (0.0596342, 0.040206)),
    "RANGE_TYPE_CYCLIST_[0, 30)": ((0, 0), (0, 0)),
    "RANGE_TYPE_CYCLIST_[30, 50)": ((0, 0), (0, 0)),
    "RANGE_TYPE_CYCLIST_[50, +inf)": ((0, 0), (0, 0)),
}


def official_scores(predicted: Path, true: Path) -> dict[str, Any]:
    python = os.environ.get("CM3D_WAYMO_PYTHON")
    if python is None:
        pytest.skip("CM3D_WAYMO_PYTHON is not set: docs/evaluation.md, Waymo")
    script = Path(__file__).with_name("official.py")
    environment = os.environ | {"PYTHONPATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [python, str(script), str(predicted), str(true)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    scores: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])["scores"]
    return scores


@pytest.mark.parametrize(("seed", "frames", "objects"), [(0, 30, 40), (1, 3, 150), (2, 100, 5)])
def test_as_the_official_op(seed: int, frames: int, objects: int, tmp_path: Path) -> None:
    predicted, true = random_submission(seed, frames, objects, false=objects)
    paths = tmp_path / "predictions.bin", tmp_path / "ground_truth.bin"
    for path, things in zip(paths, (predicted, true), strict=True):
        write_objects(path, things)
    expected = official_scores(*paths)
    found = named(score_objects(predicted, true))
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert_allclose(found[name], values, atol=1e-6, err_msg=name)


def test_embedded_data_as_the_official_op(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = load_taxonomy("waymo", project / "taxonomies")
    data = open_dataset(params_of("waymo_sim"), classes, tmp_path / "raw")
    scenes = {name: data.scene(name) for name in (TRAIN, VAL)}
    frames = Frames.concatenate([scene.frames for scene in scenes.values()])
    truth = GroundTruth.concatenate([scene.ground_truth for scene in scenes.values()])
    boxes, types = blurred(truth), waymo_types(classes.category_classes)
    paths = tmp_path / "predictions.bin", tmp_path / "ground_truth.bin"
    for path, rows in zip(paths, (boxes, truth), strict=True):
        write_objects(path, objects_of(rows, frames, types))
    expected = official_scores(*paths)
    found = named(score_objects(*map(read_objects, paths)))
    assert set(found) == set(expected)
    for shard, values in expected.items():
        assert_allclose(found[shard], values, atol=1e-6, err_msg=shard)
    assert 0.1 < expected["OBJECT_TYPE_TYPE_VEHICLE_LEVEL_2"][1] < 0.9

    monkeypatch.chdir(tmp_path)  # what the stage prints, from the tables
    for name, scene in scenes.items():
        own = scene.frames.sample_token
        scene.ground_truth.write(layout.GROUND_TRUTH / f"{name}.parquet")
        boxes[np.isin(boxes.sample_token, own)].write(Path(f"boxes/{name}.parquet"))
    scores = WaymoScorer(classes).score(Path("boxes"), frames).per_class
    for name, number in types.items():
        shard = f"OBJECT_TYPE_TYPE_{list(TYPES)[number - 1]}"
        for level in (1, 2):
            rounded = [round(value, 4) for value in expected[f"{shard}_LEVEL_{level}"]]
            assert [scores[name][f"AP_L{level}"], scores[name][f"APH_L{level}"]] == rounded


def blurred(truth: GroundTruth) -> Boxes3D:
    """Most boxes of the ground truth, some twice, a little off; and some turned."""
    rng = np.random.default_rng(0)
    found = np.flatnonzero(rng.random(len(truth)) < 0.85)
    found = np.concatenate([found, rng.choice(found, len(found) // 5)])
    rows = truth[found]
    boxes = Boxes3D.from_columns(**{n: getattr(rows, n) for n in Boxes3D.schema().names})
    count = len(boxes)
    return boxes.replace(
        score=rng.beta(3, 2, count).astype(np.float32).astype(float),
        center_m=boxes.center_m + rng.normal(0, 0.08, (count, 3)),
        yaw_rad=boxes.yaw_rad + rng.normal(0, 0.1, count) + np.pi * (rng.random(count) < 0.2),
    )


def test_the_files_of_waymos_tool() -> None:
    if (folder := os.environ.get("CM3D_WAYMO_GOLDEN")) is None:
        pytest.skip("CM3D_WAYMO_GOLDEN is not set: docs/evaluation.md, Waymo")
    names = ("fake_predictions.bin", "fake_ground_truths.bin")
    found = named(score_objects(*(read_objects(Path(folder) / name) for name in names)))
    for name, levels in GOLDEN.items():
        for level, values in enumerate(levels, start=1):
            ours = np.array(found[f"{name}_LEVEL_{level}"])
            assert_allclose(ours, values, rtol=1e-5, atol=1e-9, err_msg=f"{name} {level}")
