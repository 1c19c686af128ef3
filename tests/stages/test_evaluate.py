"""The stage `evaluate`: which keyframes it scores, and what it writes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.summary import HEADLINES
from cm3d.execution.files import write_csv
from cm3d.execution.pipeline import read_stages
from cm3d.params import Params, load_params
from cm3d.splits.labelled import is_labelled
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout
from stages import evaluate

STAGES = read_stages(Path(__file__).parents[2] / "dvc.yaml")
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
    "plots/by_distance",
    "plots/by_points",
    "plots/training",
    "plots/training_terms",
    "scores",
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
    """Run the stage on some boxes; contents of the files that it writes."""

    def score(name: str, *options: str, folder: Path = layout.LIFTED) -> dict[str, Any]:
        monkeypatch.setattr("sys.argv", ["evaluate", "nuscenes", name, str(folder), *options])
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
    assert written["plots/by_distance"][0] == {
        **{"distance_m": "0-10", "found": 1, "ATE": 0, "ASE": 0, "AOE": 0, "objects": 2}
    }
    assert written["plots/by_points"][1]["objects"] == 2
    assert written["plots/training"] == written["plots/training_terms"] == []


def test_a_table_of_experiments_has_the_headlines_by_a_short_name(score: Score) -> None:
    scores = score("pseudo_labels")["scores"]
    assert list(scores) == ["labels"]
    assert list(scores["labels"]) == [*HEADLINES, "boxes"]
    assert scores["labels"] == {**scores["labels"], "mAP": 0.1, "boxes": 2}


def test_short_names_are_of_members_and_differ() -> None:
    members = {name.split("@")[1] for name in STAGES if name.startswith("evaluate@")}
    assert evaluate.SHORT.keys() <= members
    assert len({evaluate.SHORT.get(name, name) for name in members}) == len(members)


def test_a_model_comes_with_its_training(score: Score) -> None:
    boxes = layout.PREDICTIONS / "finetune"
    Boxes3D.from_columns(**cars(VAL)).write(boxes / "scene-val.parquet")
    with pytest.raises(InputError, match=r"finetune\.csv: missing; run `dvc repro finetune`"):
        score("finetune", folder=boxes)
    write_csv(
        layout.PLOTS / "finetune.csv",
        [{"epoch": 0, "step": 0, "lr": 0.1, "loss": 3.0, "gradient": 2.0, "box": 1.0, "heat": 2.0}],
    )
    written = score("finetune", folder=boxes)
    assert written["plots/training"] == [{"done": 100, "epoch": 0, "loss": 3, "gradient": 2}]
    terms = written["plots/training_terms"]
    assert [(row["term"], row["loss"]) for row in terms] == [("box", 1), ("heat", 2)]


def test_maps_are_predicted_by_a_training_of_their_own() -> None:
    assert evaluate.trained_by(layout.MAP_PREDICTIONS) == "finetune_map"
    assert evaluate.trained_by(layout.PSEUDO_LABELS) is None


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
    assert [written[kind] for kind in FILES[1:-1]] == [{}, {}, *[[]] * 6]
    assert written["scores"] == {"labels_train": {}}
    assert f"note: evaluate@{UNLABELLED}: labels leave no frame" in capsys.readouterr().out


def test_a_split_without_frames_is_named() -> None:
    (layout.FRAMES / "scene-train.parquet").unlink()
    with pytest.raises(InputError, match="evaluate@relabel_r1: the data set has no 'train' frames"):
        evaluate.chosen_frames("labels", "relabel_r1", load_params())
