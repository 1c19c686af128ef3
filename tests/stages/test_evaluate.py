"""The stage `evaluate`: which keyframes it scores, and what it writes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.params import Params, load_params
from cm3d.splits.labelled import is_labelled
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from stages import evaluate

TRAIN = [f"t{index}" for index in range(20)]
VAL = ["v0", "v1"]
UNLABELLED = "pseudo_labels_unlabelled"
Score = Callable[..., dict[str, Any]]
FILES = (
    "evaluate",
    "evaluate_classes",
    "evaluate_agnostic",
    "plots/evaluate_ap",
    "plots/evaluate_pr",
)


@pytest.fixture(autouse=True)
def index(bare_workspace: Path) -> None:
    """Twenty train frames and two of val; a car in each, found in val alone."""
    for split, tokens in (("train", TRAIN), ("val", VAL)):
        file = f"scene-{split}.parquet"
        Frames.from_columns(
            sample_token=tokens,
            scene_name=[f"scene-{split}"] * len(tokens),
            timestamp_us=range(len(tokens)),
            split=[split] * len(tokens),
            location=[""] * len(tokens),
            global_SE3_ego=[[1.0, 0, 0, 0, 0, 0, 0]] * len(tokens),
        ).write(layout.FRAMES / file)
        columns = cars(tokens)
        seen = {"num_lidar_points": [9] * len(tokens), "num_radar_points": [0] * len(tokens)}
        GroundTruth.from_columns(
            **columns, **seen, instance_token=tokens, visibility=[4] * len(tokens)
        ).write(layout.GROUND_TRUTH / file)
        Boxes3D.empty().write(layout.BICYCLE_RACKS / file)
        Boxes3D.from_columns(**cars(VAL if split == "val" else [])).write(layout.LIFTED / file)


def cars(tokens: list[str]) -> dict[str, Any]:
    count = len(tokens)
    return {
        "sample_token": tokens,
        "class_name": ["car"] * count,
        "score": np.ones(count),
        "center_m": np.tile([5.0, 0, 0], (count, 1)),
        "length_m": np.full(count, 4.0),
        "width_m": np.full(count, 2.0),
        "height_m": np.full(count, 1.5),
        "yaw_rad": np.zeros(count),
        "velocity_mps": np.zeros((count, 2)),
        "attribute_name": ["vehicle.parked"] * count,
    }


def params_with(**labels: Any) -> Params:
    params = load_params()
    return params.model_copy(update={"labels": params.labels.model_copy(update=labels)})


@pytest.fixture
def score(monkeypatch: pytest.MonkeyPatch) -> Score:
    """Run the stage on the lifted boxes; contents of the files that it writes."""

    def score(name: str, *options: str) -> dict[str, Any]:
        monkeypatch.setattr(
            "sys.argv", ["evaluate", "nuscenes", name, str(layout.LIFTED), *options]
        )
        evaluate.main()
        files = {kind: layout.METRICS / kind / f"{name}.json" for kind in FILES}
        return {kind: json.loads(file.read_text()) for kind, file in files.items()}

    return score


def test_val_is_scored_and_all_files_are_written(score: Score) -> None:
    written = score("lifted")
    assert written["evaluate"]["engine"] == "fast"
    assert written["evaluate"]["mAP"] == 0.1
    assert written["evaluate_classes"]["car"]["AP"] == 1
    assert written["evaluate_agnostic"]["ten_classes_50m"]["AP"] == 1
    assert written["plots/evaluate_ap"][0] == {"model": "lifted", "class": "car", "ap": 1}
    assert written["plots/evaluate_pr"][0] == {"class": "car", "recall": 0, "precision": 1}


def test_the_unlabelled_part_is_scored_where_it_is_asked_for(score: Score) -> None:
    written = score(UNLABELLED, "--frames", "labels")
    assert written["evaluate"]["mAP"] == 0
    params = params_with(fraction=0.25)
    frames = evaluate.chosen_frames("labels", "train", params)
    train = Frames.read(layout.FRAMES / "scene-train.parquet")
    labelled = train[is_labelled(train, params.labels, params.seed)]
    assert len(labelled) == 5
    assert set(frames.sample_token) == set(TRAIN) - set(labelled.sample_token)


def test_nothing_unlabelled_leaves_nothing_to_score(
    score: Score, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate, "load_params", lambda: params_with(fraction=1.0))
    written = score(UNLABELLED, "--frames", "labels")
    assert written["evaluate"] == {"engine": "none"}
    assert [written[kind] for kind in FILES[1:]] == [{}, {}, [], []]
    assert f"note: evaluate@{UNLABELLED}: labels leave no frame" in capsys.readouterr().out


def test_a_split_without_frames_is_named() -> None:
    (layout.FRAMES / "scene-train.parquet").unlink()
    with pytest.raises(InputError, match="evaluate@relabel_r1: the data set has no 'train' frames"):
        evaluate.chosen_frames("labels", "relabel_r1", load_params())
